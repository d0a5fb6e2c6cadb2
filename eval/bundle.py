"""Train the weights that come with the package, and record their scores.

    python -m eval.bundle resnet20 preresnet20 wrn16_1 [--seed 0]
    python -m eval.bundle rcan_tiny_x2 --data DIR
    python -m eval.bundle gpt2_nano muddformer_nano
    python -m eval.bundle dncnn_tiny --data DIR
    python -m eval.bundle cyclenet_linear_96_96 --seed 2024 --data DIR

For each: zoo/models/PAPER/weights/NAME.safetensors, and beside it NAME.json with the wrong
predictions on digits/test, PSNR and SSIM on every benchmark that is at hand, or the loss on texts.
Classifiers are stored, and scored, in fp16, language models in bf16. Name and sha256 for the
[[weights]] entry of paper.toml are printed; a person decides and pastes them.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs import cyclenet, denoising, language, super_resolution
from configs.digits import digits
from zoo._io import atomic_write
from zoo.checkpoints.writing import save_safetensors
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models._registry import get_entry
from zoo.papers.protocols import to_record
from zoo.papers.weights import MODELS_DIR
from zoo.training import Recipe, Trainer, train


@dataclass(frozen=True)
class BundledTask:
    """Recipes and benchmarks of the bundled weights of a task."""

    file: str  # of the recipes, in configs/
    recipe: Callable[[str], Recipe]  # by the model's name
    benchmarks: tuple[str, ...]  # a place for the scale or horizon, where the task has one
    dtype: torch.dtype | None = None  # of the stored tensors; None: as they were trained
    suffix: str = ""  # of the recipe's variable, after the model's name


BUNDLED_TASKS = {
    "image-classification": BundledTask("digits", digits, ("digits/test",), torch.float16),
    "language-modeling": BundledTask(
        "language",
        partial(getattr, language),
        ("peps_mini/validation", "wikitext2/test"),
        torch.bfloat16,
    ),
    "super-resolution": BundledTask(
        "super_resolution",
        partial(getattr, super_resolution),
        ("photos/bi_x{scale}", "set5/bi_x{scale}", "set14/bi_x{scale}"),
    ),
    "denoising": BundledTask(
        "denoising", partial(getattr, denoising), ("photos/sigma25", "set12/sigma25")
    ),
    "forecasting": BundledTask(
        "cyclenet",
        lambda model: vars(cyclenet)[f"{model}_etth1"],
        ("etth1/test_{horizon}",),
        suffix="_etth1",
    ),
}


def recipe_of(model: str) -> tuple[str, Recipe]:
    """Return "FILE:NAME" of the recipe of bundled weights, and the recipe."""
    task = BUNDLED_TASKS[get_entry(model).task]
    return f"configs/{task.file}.py:{model}{task.suffix}", task.recipe(model)


def stored_tensors(run: Trainer) -> dict[str, Tensor]:
    """Return the tensors of a trained network as they are stored."""
    tensors, dtype = run.network.state_dict(), BUNDLED_TASKS[get_entry(run.recipe.model).task].dtype
    return {
        key: tensor.to(dtype) if dtype and tensor.is_floating_point() else tensor
        for key, tensor in tensors.items()
    }


def scores(run: Trainer, data: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (benchmark, scores) of the stored tensors in float32, where the data is at hand."""
    network: Any = build_model(run.recipe.model)
    network.load_state_dict(stored_tensors(run))
    network.pretrained_cfg = {**pretrained_cfg(network), **run.recipe.preprocessing}
    name = get_entry(run.recipe.model).task
    task = tasks.TASKS[name]
    protocol = task.default(network.pretrained_cfg)
    for pattern in BUNDLED_TASKS[name].benchmarks:
        sizes = {key: getattr(network, key, 0) for key in ("scale", "horizon")}
        benchmark = BENCHMARKS[pattern.format(**sizes)]
        try:
            samples = benchmark.open(data)
        except DatasetNotFoundError as error:
            print(error)
            continue
        result = evaluate(task.evaluator(network, samples, protocol, benchmark))
        if task.keeps_predictions:
            count, total = (result["scores"]["error"][key] for key in ("count", "total"))
            yield benchmark.id, {"right": total - count, "total": total, **result["parts"]}
        else:
            values = {metric: score["value"] for metric, score in result["scores"].items()}
            yield benchmark.id, {"protocol": to_record(protocol), **values}


def bundle(model: str, seed: int, data: Path | None) -> str:
    """Train and store one network; return the sha256 of its file."""
    recipe_name, recipe = recipe_of(model)
    run = train(recipe, seed=seed, out=Path("runs/bundle") / f"{model}-{seed}", data=data)
    paper = get_entry(model).family.rpartition(".")[2]
    path = MODELS_DIR / paper / "weights" / f"{recipe.name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    metadata = {"recipe": recipe_name, "seed": str(seed)}
    sha256 = save_safetensors(stored_tensors(run), path, metadata)
    record = {
        "weights": recipe.name,
        "sha256": sha256,
        **metadata,
        "epochs": recipe.epochs,
        "torch": torch.__version__,
        "benchmarks": {
            benchmark: {"version": BENCHMARKS[benchmark].version, **values}
            for benchmark, values in scores(run, data)
        },
    }
    atomic_write(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    return sha256


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+", help="models with a recipe of bundled weights")
    parser.add_argument("--seed", type=int, default=0, help="seed of the training")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    options = parser.parse_args()
    for model in options.models:
        _, recipe = recipe_of(model)
        print(f'name = "{recipe.name}"\nsha256 = "{bundle(model, options.seed, options.data)}"')


if __name__ == "__main__":
    main()
