"""Each recipe of configs/ makes its steps: on a small network of its class, on made-up data."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.tones import write_tones
from tests.training.test_recipe_configs import PAPERS
from zoo import training
from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.data.denoising import CleanImage
from zoo.data.dequantized import Dequantized
from zoo.data.forecasting import Windows
from zoo.data.m4 import SeriesSet
from zoo.data.speech_commands import NOISE, SpeechCommands
from zoo.data.texts import Texts
from zoo.models._builder import load_class
from zoo.models._registry import get_entry
from zoo.training import Recipe
from zoo.training.denoising import Denoising
from zoo.training.forecasting import Forecasting
from zoo.training.image_classification import ImageClassification
from zoo.training.image_streaming import StreamedImageClassification
from zoo.training.language_modeling import NextToken
from zoo.training.restoration import Restoration
from zoo.training.super_resolution import SuperResolution
from zoo.training.time_series import TimeSeriesClassification

# Networks of the same classes that train in a moment: the arguments of transformers, or by class.
TEXT = {"layers": 1, "width": 16, "heads": 2, "vocab": 257, "context": 16}
TRANSFORMER = {**TEXT, "layers": 2, "hidden": 32}
SMALL: dict[str, dict[str, Any]] = {
    "CifarResNet": {"depth": 8},
    "CifarPlainNet": {"depth": 8},
    "BasicPreResNet": {"depth": 8},
    "BottleneckPreResNet": {"depth": 11},
    "OriginalBottleneckResNet": {"depth": 11},
    "WideResNet": {"depth": 10, "k": 1},
    "BasicPyramidNet": {"depth": 8, "alpha": 16},
    "CifarIRevNet": {"blocks": (1, 1, 1)},
    "CifarSkipNet": {"depth": 8},
    "CifarSparseNet": {"depth": 10, "growth": (4, 8, 16)},
    "CifarSparseNetBC": {"depth": 16, "growth": (4, 8, 16)},
    "StochasticDepthCifarResNet": {"depth": 8},
    "StochasticDepthResNet": {"depth": 50},
    "BottleneckPyramidNet": {"depth": 11, "alpha": 16},
    "CifarResNeXt": {"depth": 11, "cardinality": 2, "base_width": 4},
    "CifarRes2NeXt": {"cardinality": 1, "slice_width": 4, "scale": 2},
    "ResNet": {"depth": 18},
    "PlainNet": {"depth": 18},
    "ResNeXt": {"cardinality": 2, "base_width": 4},
    "Res2Net": {"depth": 50, "slice_width": 4},
    "Res2NeXt": {"cardinality": 1, "slice_width": 4},
    "Res2NetDla": {"slice_width": 4},
    "IRevNet": {"blocks": (1, 1, 1, 1)},
    "OrthogonalResNet": {"depth": 18},
    "ParallelViT": {"size": "Ti12"},
    "RDNet": {"init_features": 8, "growth_rates": (8, 8), "downsample": (1,)},
    "FractalNet": {"columns": 2, "channels": (8, 8)},
    "RCAN": {"groups": 1, "blocks": 1, "channels": 16},
    "EDSR": {"blocks": 1, "channels": 8},
    "CARN": {"channels": 16},
    "DnCNN": {"depth": 3, "width": 8},
    "DRLN": {"depths": (1,), "channels": 16},
    "DRCT": {"groups": 1, "channels": 24, "growth": 8, "heads": 2, "window": 4},
    "RIDNet": {"blocks": 1, "channels": 16},
    "GridFormer": {"channels": 8, "depths": (1, 1, 1)},
    "KeywordResNet": {"blocks": 1, "width": 4},
    "CycleNet": {"look_back": 4, "horizon": 2},
    "GenericNBeats": {"stacks": 2, "layers": 1, "width": 16},
    "InterpretableNBeats": {"blocks": 1, "layers": 1, "widths": (16, 16)},
    "ResidualFlow": {"img_size": 8, "blocks": (1, 1), "width": 4, "end_blocks": 1},
    "LoopGPT2": {**TEXT, "loops": 2},
    "MUDDFormer": {**TEXT, "layers": 2, "hidden": 256},
}


def sizes(target: str) -> dict[str, Any]:
    """Arguments of the class at `target` that make it small."""
    if args := SMALL.get(target.partition(":")[2]):
        return args
    parameters = inspect.signature(load_class(target)).parameters
    return {key: value for key, value in TRANSFORMER.items() if key in parameters}


class Noise:
    """Twelve images of one colour each, of as many classes as there are to be."""

    def __init__(self, classes: int, mode: str, size: tuple[int, int] = (40, 48)) -> None:
        self.classes, self.mode, self.size = classes, mode, size

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        colour = (20 * index, 255 - 20 * index, 90)
        return Image.new("RGB", self.size, colour).convert(self.mode), index * self.classes // 12


def spoken(data: Path) -> SpeechCommands:
    """Eleven words, and silence."""
    home = write_tones(data, 1)
    files = [(path, i) for i, path in enumerate(sorted(home.glob("[a-z]*/*.wav")))][1:]
    return SpeechCommands(files, [home / NOISE / "white.wav"], 1)


def open_noise(benchmark: Benchmark, data: Path | None = None) -> Any:
    if benchmark.task == "keyword-spotting":
        assert data
        return spoken(data)
    if benchmark.task == "denoising":
        shape = (40, 48, 3) if benchmark.id.startswith("c") else (40, 48)
        return [CleanImage("grey", np.full(shape, 90, np.uint8))]
    if benchmark.id.startswith("m4/"):
        draw = np.random.default_rng(0).random
        pasts = [1 + draw(500 + i) for i in range(6)]
        return SeriesSet(pasts, 1 + draw((6, 48)), 24, [Path("train.csv"), Path("test.csv")])
    if benchmark.task == "forecasting":
        return Windows(np.eye(40, 7), range(30), 2, fitted=20, file=Path("ETTh1.csv"))
    if benchmark.task == "language-modeling":
        return Texts(("A few words. " * 9,))
    mode = "L" if benchmark.id.startswith("mnist") else "RGB"
    is_density = benchmark.task == "density-estimation"
    return Dequantized(Noise(1, mode, (8, 8))) if is_density else Noise(benchmark.classes, mode)


def small(recipe: Recipe) -> Recipe:
    """The recipe in two batches for each of two epochs, on a network of the same class."""
    objective: Any = recipe.objective
    if isinstance(objective, SuperResolution | Denoising):
        objective = replace(objective, size=8, steps=2)
    if isinstance(objective, Restoration):  # without VGG19, whose weights have to be downloaded
        objective = replace(objective, size=16, steps=2, perceptual=0.0)
    if isinstance(objective, NextToken):
        objective = replace(objective, tokenizer="bytes", context=16, steps=2)
    channels = get_entry(recipe.model).cfg["input_size"][0]
    input_size = (
        {"input_size": (channels, 32, 32)}
        if isinstance(objective, StreamedImageClassification | ImageClassification)
        else {}
    )
    if isinstance(objective, StreamedImageClassification):
        objective = replace(objective, workers=0)
    return replace(
        recipe,
        args={**recipe.args, **sizes(get_entry(recipe.model).target)},
        preprocessing={**recipe.preprocessing, **input_size},
        epochs=2,
        batch_size=6,
        accumulate=min(recipe.accumulate, 3),
        objective=objective,
        precision="no",  # accelerate keeps that of the first run of a process
        init_from="",
    )


def write_image(data: Path, recipe: Recipe) -> None:
    """Write the one image of a recipe's folder, or the one pair."""
    pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    is_paired = isinstance(recipe.objective, Restoration)
    for part in ("input", "target") if is_paired else (".",):
        folder = data / recipe.dataset / part
        folder.mkdir(parents=True)
        Image.fromarray(pixels).save(folder / "0001.png")


def alike(recipe: Recipe) -> str:
    """Recipes of which one is tried: same class, optimizer, objective."""
    parts = (recipe.args.keys(), recipe.objective, training.to_repr(recipe.optimizer), recipe.clip)
    return str((get_entry(recipe.model).target, *parts))


DIFFERENT = {  # of series: tests/training/test_forecasting.py and test_time_series.py
    alike(recipe): key
    for key, recipe in PAPERS.items()
    if not isinstance(recipe.objective, Forecasting | TimeSeriesClassification)
}


@pytest.mark.slow
@pytest.mark.parametrize("key", DIFFERENT.values())
def test_trainer_every_recipe_shape_trains_two_epochs(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small(PAPERS[key])
    if recipe.dataset in BENCHMARKS:
        benchmark = BENCHMARKS[recipe.dataset]
        loader = "tests.training.test_recipe_steps:open_noise"
        monkeypatch.setitem(BENCHMARKS, benchmark.id, replace(benchmark, loader=loader))
    else:
        write_image(tmp_path, recipe)
    run = training.Trainer(recipe, seed=0, out=tmp_path / "run", data=tmp_path)
    before = [parameter.detach().clone() for parameter in run.unwrapped.parameters()]
    run.train_epoch(0, lambda loss: None)
    run.train_epoch(1, lambda loss: None)
    assert [np.isfinite(row["loss"]) for row in run.history] == [True, True]
    assert run.history[1]["lr"] == pytest.approx(recipe.lr * recipe.schedule(3 / 4))
    pairs = zip(before, run.unwrapped.parameters(), strict=True)
    moved = [not torch.equal(then, now) for then, now in pairs if now.requires_grad]
    assert sum(moved) > 0.8 * len(moved)
