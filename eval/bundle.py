"""Trains the weights that come with the package, and records what they do.

    python -m eval.bundle resnet20 preresnet20 wrn16_1 [--seed 0]
    python -m eval.bundle rcan_tiny_x2 --data DIR
    python -m eval.bundle gpt2_nano muddformer_nano

For each: ROOM/weights/NAME.safetensors, and beside it NAME.json with the wrong answers on
digits/test, PSNR and SSIM on every benchmark that is at hand, or the loss on texts. Language models
are stored, and scored, in bf16. Name and sum for the [[weights]]
entry of paper.toml are printed; a person decides and pastes them.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from configs import language, super_resolution
from configs.digits import digits
from zoo import registry, weights
from zoo.benchmarks import BENCHMARKS, NoDataError
from zoo.benchmarks.classification import predict
from zoo.benchmarks.language import total
from zoo.benchmarks.preprocessing import Preprocessing
from zoo.benchmarks.super_resolution import mean, scores
from zoo.details import Reading, Upscaling
from zoo.pretrained import ROOMS
from zoo.tokens import tokenizer
from zoo.train import Recipe, Run, train

TEST = "digits/test"
PAIRS = ("photos", "set5", "set14")
TEXTS = ("peps_mini/validation", "wikitext2/test")


def recipe_of(model: str) -> tuple[str, Recipe]:
    """Where the recipe of bundled weights stands, and the recipe."""
    if registry.variant(model).is_classifier:
        return f"configs/digits.py:{model}", digits(model)
    if registry.variant(model).is_language_model:
        return f"configs/language.py:{model}", getattr(language, model)
    return f"configs/super_resolution.py:{model}", getattr(super_resolution, model)


def answers(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, what a classifier gets right and wrong on it)."""
    samples = BENCHMARKS[TEST].open()
    prepare = Preprocessing(run.recipe.preprocessing)
    found = predict(run.network, prepare, samples, range(len(samples)))
    wrong = {i: predicted for i, (predicted, label) in found.items() if predicted != label}
    yield TEST, {"right": len(found) - len(wrong), "total": len(found), "wrong": wrong}


def enlargements(run: Run, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, mean PSNR and SSIM), of the pairs that are at hand; in float32, whatever the
    precision of the training."""
    network: Any = registry.network(run.recipe.model)
    network.load_state_dict(run.network.state_dict())
    how = Upscaling()
    for name in PAIRS:
        benchmark = f"{name}/bi_x{network.scale}"
        try:
            samples = BENCHMARKS[benchmark].open(data)
        except NoDataError as error:
            print(error)
            continue
        found = mean(scores(network, samples, how, network.scale))
        yield benchmark, {"protocol": asdict(how), **found._asdict()}


def losses(run: Run, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, loss and bits a byte), of the texts that are at hand, by the rounded weights."""
    network: Any = registry.network(run.recipe.model)
    network.load_state_dict(rounded(run))
    reader, how = tokenizer(network.pretrained_cfg["tokenizer"]), Reading(context=network.context)
    for name in TEXTS:
        try:
            texts: Any = BENCHMARKS[name].open(data)
        except NoDataError as error:
            print(error)
            continue
        found = total(network, texts.tokens(reader), how).scores(texts.bytes)
        yield name, {"protocol": asdict(how), **found}


def rounded(run: Run) -> dict[str, torch.Tensor]:
    """The tensors of a trained network as they are stored: of a language model in bf16."""
    state = run.network.state_dict()
    if not registry.variant(run.recipe.model).is_language_model:
        return state
    return {key: value.to(torch.bfloat16) for key, value in state.items()}


def measured(run: Run, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a trained network does on each benchmark."""
    entry = registry.variant(run.recipe.model)
    if entry.is_classifier:
        return answers(run)
    return losses(run, data) if entry.is_language_model else enlargements(run, data)


def bundle(model: str, seed: int, data: Path | None) -> str:
    """Trains and stores one network; returns its sha256."""
    where, recipe = recipe_of(model)
    run = train(recipe, seed=seed, out=Path("runs/bundle") / f"{model}-{seed}", data=data)
    room = registry.variant(model).family.rpartition(".")[2]
    path = ROOMS / room / "weights" / f"{recipe.name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    note = {"recipe": where, "seed": str(seed)}
    digest = weights.save(rounded(run), path, note)
    record = {
        "weights": recipe.name,
        "sha256": digest,
        **note,
        "epochs": recipe.epochs,
        "torch": torch.__version__,
        "benchmarks": {
            benchmark: {"version": BENCHMARKS[benchmark].version, **done}
            for benchmark, done in measured(run, data)
        },
    }
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(part, path.with_suffix(".json"))
    return digest


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of the data to learn and to score")
    options = parser.parse_args()
    for model in options.models:
        _, recipe = recipe_of(model)
        print(f'name = "{recipe.name}"\nsha256 = "{bundle(model, options.seed, options.data)}"')


if __name__ == "__main__":
    main()
