"""Trains the weights that come with the package, and records what they do.

    python -m eval.bundle resnet20 preresnet20 wrn16_1 [--seed 0]
    python -m eval.bundle rcan_tiny_x2 --data DIR
    python -m eval.bundle gpt2_nano muddformer_nano
    python -m eval.bundle dncnn_tiny --data DIR

For each: ROOM/weights/NAME.safetensors, and beside it NAME.json with the wrong answers on
digits/test, PSNR and SSIM on every benchmark that is at hand, or the loss on texts. Language models
are stored, and scored, in bf16. Each task is a row of MADE. Name and sum for the [[weights]]
entry of paper.toml are printed; a person decides and pastes them.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from configs import denoising, language, super_resolution
from configs.digits import digits
from zoo._io import atomic_write
from zoo.checkpoints.writing import save_safetensors
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.denoising import sigma
from zoo.data.tokenizers import get_tokenizer
from zoo.data.transforms import EvalTransform
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.evaluators.classification import predict
from zoo.evaluation.evaluators.denoising import DenoisingEvaluator
from zoo.evaluation.evaluators.language_modeling import total_nll
from zoo.evaluation.evaluators.super_resolution import mean_scores, score_pairs
from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.papers.protocols import (
    DenoisingProtocol,
    SlidingWindowProtocol,
    SuperResolutionProtocol,
    to_record,
)
from zoo.papers.weights import MODELS_DIR
from zoo.training import Recipe, Trainer, train

TEST = "digits/test"
PAIRS = ("photos", "set5", "set14")
NOISED = ("photos/sigma25", "set12/sigma25")  # what its recipe is for
TEXTS = ("peps_mini/validation", "wikitext2/test")


def answers(run: Trainer, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, what a classifier gets right and wrong on it)."""
    samples = BENCHMARKS[TEST].open()
    prepare = EvalTransform(run.recipe.preprocessing)
    found = predict(run.network, prepare, samples, range(len(samples)))
    wrong = {i: predicted for i, (predicted, label) in found.items() if predicted != label}
    yield TEST, {"right": len(found) - len(wrong), "total": len(found), "wrong": wrong}


def enlargements(run: Trainer, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, mean PSNR and SSIM), of the pairs that are at hand; in float32, whatever the
    precision of the training."""
    network: Any = build_model(run.recipe.model)
    network.load_state_dict(run.network.state_dict())
    how = SuperResolutionProtocol()
    for name in PAIRS:
        benchmark = f"{name}/bi_x{network.scale}"
        try:
            samples = BENCHMARKS[benchmark].open(data)
        except DatasetNotFoundError as error:
            print(error)
            continue
        found = mean_scores(score_pairs(network, samples, how, network.scale))
        yield benchmark, {"protocol": to_record(how), **found._asdict()}


def losses(run: Trainer, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, loss and bits a byte), of the texts that are at hand, by the rounded weights."""
    network: Any = build_model(run.recipe.model)
    network.load_state_dict(rounded(run))
    reader, how = (
        get_tokenizer(network.pretrained_cfg["tokenizer"]),
        SlidingWindowProtocol(context=network.context),
    )
    for name in TEXTS:
        try:
            texts: Any = BENCHMARKS[name].open(data)
        except DatasetNotFoundError as error:
            print(error)
            continue
        found = total_nll(network, texts.tokens(reader), how).scores(texts.bytes)
        yield name, {"protocol": to_record(how), **found}


def restorations(run: Trainer, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(benchmark, mean PSNR and SSIM), of the images that are at hand; in float32."""
    network: Any = build_model(run.recipe.model)
    network.load_state_dict(run.network.state_dict())
    for name in NOISED:
        try:
            samples = BENCHMARKS[name].open(data)
        except DatasetNotFoundError as error:
            print(error)
            continue
        job = DenoisingEvaluator(network, samples, DenoisingProtocol(), sigma(name))
        job.ready(torch.device("cpu"), EvalConfig())
        entries = job.answer([(index, job.load(index)) for index in range(job.size)])
        with torch.inference_mode():
            found = job.scores({index: tuple(answer) for index, *answer in entries})
        score = {metric: value["value"] for metric, value in found["scores"].items()}
        yield name, {"protocol": to_record(DenoisingProtocol()), **score}


@dataclass(frozen=True)
class Made:
    """How the weights of a task are made: `recipe` by a network's name, in a file of configs/;
    `measured` on its benchmarks; `stored` as tensors of a type, if not as they were trained."""

    file: str
    recipe: Callable[[str], Recipe]
    measured: Callable[[Trainer, Path | None], Iterator[tuple[str, dict[str, Any]]]]
    stored: torch.dtype | None = None


MADE = {
    "image-classification": Made("digits", digits, answers),
    "language-modeling": Made("language", partial(getattr, language), losses, torch.bfloat16),
    "super-resolution": Made("super_resolution", partial(getattr, super_resolution), enlargements),
    "denoising": Made("denoising", partial(getattr, denoising), restorations),
}


def recipe_of(model: str) -> tuple[str, Recipe]:
    """Where the recipe of bundled weights stands, and the recipe."""
    made = MADE[get_entry(model).task]
    return f"configs/{made.file}.py:{model}", made.recipe(model)


def rounded(run: Trainer) -> dict[str, torch.Tensor]:
    """The tensors of a trained network as they are stored."""
    state, stored = run.network.state_dict(), MADE[get_entry(run.recipe.model).task].stored
    return {key: value.to(stored) for key, value in state.items()} if stored else state


def measured(run: Trainer, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a trained network does on each benchmark."""
    return MADE[get_entry(run.recipe.model).task].measured(run, data)


def bundle(model: str, seed: int, data: Path | None) -> str:
    """Trains and stores one network; returns its sha256."""
    where, recipe = recipe_of(model)
    run = train(recipe, seed=seed, out=Path("runs/bundle") / f"{model}-{seed}", data=data)
    room = get_entry(model).family.rpartition(".")[2]
    path = MODELS_DIR / room / "weights" / f"{recipe.name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    note = {"recipe": where, "seed": str(seed)}
    digest = save_safetensors(rounded(run), path, note)
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
    atomic_write(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
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
