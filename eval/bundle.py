"""Trains the weights that come with the package, and records what they get right.

    python -m eval.bundle resnet20 preresnet20 wrn16_1 [--seed 0]

For each: ROOM/weights/NAME.safetensors, and beside it NAME.json with the wrong answers on
digits/test. The [[weights]] entry for paper.toml is printed; a person decides and pastes it.
"""

import argparse
import json
import os
from pathlib import Path

import torch

from configs.digits import digits
from zoo import registry, weights
from zoo.benchmarks import BENCHMARKS
from zoo.benchmarks.classification import predict
from zoo.benchmarks.preprocessing import Preprocessing
from zoo.pretrained import ROOMS
from zoo.train import train

TEST = "digits/test"


def bundle(model: str, seed: int) -> str:
    """Trains and stores one network; returns its sha256."""
    recipe = digits(model)
    run = train(recipe, seed=seed, out=Path("runs/bundle") / f"{model}-{seed}")
    samples = BENCHMARKS[TEST].open()
    found = predict(run.network, Preprocessing(recipe.preprocessing), samples, range(len(samples)))
    wrong = {i: predicted for i, (predicted, label) in found.items() if predicted != label}
    room = registry.variant(model).family.rpartition(".")[2]
    path = ROOMS / room / "weights" / f"{recipe.name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    note = {"recipe": f"configs/digits.py:{model}", "seed": str(seed)}
    digest = weights.save(run.network.state_dict(), path, note)
    record = {
        "weights": recipe.name,
        "sha256": digest,
        **note,
        "epochs": recipe.epochs,
        "torch": torch.__version__,
        "benchmarks": {
            TEST: {
                "version": BENCHMARKS[TEST].version,
                "right": len(found) - len(wrong),
                "total": len(found),
                "wrong": wrong,
            }
        },
    }
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(part, path.with_suffix(".json"))
    return digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for model in options.models:
        digest = bundle(model, options.seed)
        print(f'name = "{model}.zoo_digits"\nsha256 = "{digest}"')


if __name__ == "__main__":
    main()
