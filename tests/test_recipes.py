"""The recipes of configs/: what they say is what papers say, and each can make a step.

The schedules stand a second time in tests/schedules.json, as iterations or epochs and rates.
"""

import inspect
import json
import re
import runpy
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import ROOT
from zoo import literature, registry, train
from zoo.benchmarks import BENCHMARKS, Benchmark
from zoo.benchmarks.denoising import Clean
from zoo.benchmarks.language import Texts
from zoo.lessons import Enlarged, Labelled, NextToken
from zoo.noise import Denoised
from zoo.streams import Photographs
from zoo.train import Recipe, steps

FOUND = {
    f"{path.name}:{name}": value
    for path in sorted((ROOT / "configs").glob("*.py"))
    for name, value in runpy.run_path(str(path)).items()
    if isinstance(value, Recipe)
}
PAPERS = {key: recipe for key, recipe in FOUND.items() if "shortened" not in recipe.source}
SCHEDULES = json.loads((ROOT / "tests" / "schedules.json").read_text())
ARXIV = re.compile(r"\d{4}\.\d{5}")
PROMISE = re.compile(r"(\w+) ([\d.]+) on (\S+) \(((?:[^()]|\([^()]*\))*)\)")


def per_epoch(recipe: Recipe) -> int:
    """Batches of an epoch."""
    if isinstance(recipe.lesson, Enlarged | NextToken | Denoised):
        return recipe.lesson.steps
    return BENCHMARKS[recipe.dataset].size // recipe.batch_size


def table(key: str) -> dict[str, Any]:
    """What the paper of a recipe says of its rate."""
    file, name = key.split(":")
    of_file = SCHEDULES[file]
    (found,) = [rows for names, rows in of_file.items() if re.fullmatch(names, name)]
    return dict(found)


def check_schedule(key: str, recipe: Recipe) -> None:
    """Raises AssertionError where a recipe has another rate than its paper."""
    wanted, batches = table(key), per_epoch(recipe)
    total = batches * recipe.epochs
    assert total == wanted["iterations"]
    assert len(wanted["rates"]) >= 10
    for place, rate in wanted["rates"]:
        step = round(place * (batches if wanted["unit"] == "epoch" else 1))
        found = recipe.lr * recipe.schedule(step / total)
        assert found == pytest.approx(rate, rel=5e-3), f"{place}: {found}"


@cache
def known() -> set[str]:
    """The arXiv numbers of the zoo's papers, and of those that its weights were trained after."""
    papers = literature.load_all()
    told = [paper.arxiv for paper in papers]
    told += [entry.note for paper in papers for entry in paper.weights]
    return set(ARXIV.findall(" ".join(told)))


def test_there_are_recipes_of_every_kind() -> None:
    assert len(PAPERS) > 90
    kinds = {type(recipe.lesson) for recipe in PAPERS.values()}
    assert kinds == {Labelled, Photographs, Enlarged, NextToken, Denoised}
    assert {key.split(":")[0] for key in PAPERS} == set(SCHEDULES)


@pytest.mark.parametrize("key", FOUND)
def test_what_a_recipe_tells(key: str) -> None:
    recipe = FOUND[key]
    numbers = ARXIV.findall(recipe.source)
    assert numbers
    assert set(numbers) <= known(), f"no paper of the zoo: {recipe.source}"
    if key in PAPERS:
        assert recipe.hardware
        assert recipe.expected
        assert recipe.reached
    if isinstance(recipe.lesson, Enlarged):
        assert recipe.dataset in ("div2k_train", "photos")
        assert recipe.model.endswith(f"_x{recipe.lesson.scale}")
    else:
        assert recipe.dataset in BENCHMARKS


def test_no_two_runs_have_one_name() -> None:
    names = [recipe.name for recipe in FOUND.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", PAPERS)
def test_what_is_expected_is_a_claim(key: str) -> None:
    """Metric, value, benchmark and table are those of a claim on that network, if numbers are of a
    paper of the zoo."""
    recipe = PAPERS[key]
    claims = [claim for paper in literature.load_all() for claim in paper.claims]
    promises = PROMISE.findall(recipe.expected)
    assert promises or not re.search(r"\d on ", recipe.expected)
    for metric, value, benchmark, where in promises:
        args = {k: v for k, v in recipe.args.items() if k != "drop_path_rate"}
        assert [
            claim
            for claim in claims
            if (claim.model, claim.metric, claim.value) == (recipe.model, metric, Decimal(value))
            and (claim.benchmark, claim.where) == (benchmark, where)
            and dict(claim.args) in (args, dict(recipe.args))
        ], recipe.expected


@cache
def on_meta(model: str, args: tuple[tuple[str, Any], ...]) -> Any:
    with torch.device("meta"):
        return registry.create(model, **dict(args))


@pytest.mark.parametrize("key", PAPERS)
def test_the_network_is_there_and_fits_its_data(key: str) -> None:
    recipe = PAPERS[key]
    network = on_meta(recipe.model, tuple(recipe.args.items()))
    entry = registry.variant(recipe.model)
    if entry.is_classifier:
        classes = BENCHMARKS[recipe.dataset].classes
        assert network.num_classes == classes
        assert {**network.pretrained_cfg, **recipe.preprocessing}["num_classes"] == classes
    if isinstance(recipe.lesson, NextToken):
        assert entry.cfg["tokenizer"] == recipe.lesson.tokenizer
        assert network.context == recipe.lesson.context


@pytest.mark.parametrize("key", PAPERS)
def test_rates_are_those_of_the_paper(key: str) -> None:
    check_schedule(key, PAPERS[key])


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("cifar_resnet.py:resnet20", {"lr": 0.05}),
        ("cifar_resnet.py:resnet20", {"schedule": steps(0.5, 0.7)}),
        ("cifar_resnet.py:resnet20", {"batch_size": 64}),
        ("cifar_resnet.py:resnet20", {"epochs": 160}),
        ("cifar_resnet.py:resnet110", {"schedule": steps(32_000 / 63_960, 48_000 / 63_960)}),
        ("cifar_wrn.py:wrn28_10", {"schedule": steps(0.3, 0.6, 0.8)}),
        ("div2k.py:rcan_x2", {"schedule": steps(0.2, 0.4, 0.6, 0.8)}),
        ("strikes_back.py:a1", {"lr": 8e-3}),
        ("pile.py:muddformer_405m", {"schedule": train.cosine(warmup=0.01)}),
    ],
)
def test_a_wrong_recipe_is_found(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_schedule(key, replace(PAPERS[key], **changes))


# Networks of the same classes that make a step in a moment: by what transformers take, or by class.
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
    "RDNet": {"init_features": 8, "growth_rates": (8, 8), "downsample": (1,)},
    "FractalNet": {"columns": 2, "channels": (8, 8)},
    "RCAN": {"groups": 1, "blocks": 1, "channels": 16},
    "EDSR": {"blocks": 1, "channels": 8},
    "CARN": {"channels": 16},
    "DnCNN": {"depth": 3, "width": 8},
    "LoopGPT2": {**TEXT, "loops": 2},
    "MUDDFormer": {**TEXT, "layers": 2, "hidden": 256},
}


def sizes(target: str) -> dict[str, Any]:
    """Arguments of the class at `target` that make it small."""
    if found := SMALL.get(target.partition(":")[2]):
        return found
    taken = inspect.signature(registry.load_class(target)).parameters
    return {key: value for key, value in TRANSFORMER.items() if key in taken}


class Noise:
    """Twelve images of one colour each, of as many classes as there are to be."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        colour = (20 * index, 255 - 20 * index, 90)
        return Image.new("RGB", (40, 48), colour), index * self.classes // 12


def open_noise(benchmark: Benchmark, data: Path | None = None) -> Any:
    if benchmark.task == "denoising":
        shape = (40, 48, 3) if benchmark.id.startswith("c") else (40, 48)
        return [Clean("grey", np.full(shape, 90, np.uint8))]
    return Texts(("A few words. " * 9,)) if benchmark.is_text else Noise(benchmark.classes)


def small(recipe: Recipe) -> Recipe:
    """The recipe in two batches for each of two epochs, on a network of the same class."""
    lesson: Any = recipe.lesson
    if isinstance(lesson, Enlarged | Denoised):
        lesson = replace(lesson, size=8, steps=2)
    if isinstance(lesson, NextToken):
        lesson = replace(lesson, tokenizer="bytes", context=16, steps=2)
    shown = {"input_size": (3, 32, 32)} if isinstance(lesson, Photographs | Labelled) else {}
    if isinstance(lesson, Photographs):
        lesson = replace(lesson, workers=0)
    return replace(
        recipe,
        args={**recipe.args, **sizes(registry.variant(recipe.model).target)},
        preprocessing={**recipe.preprocessing, **shown},
        epochs=2,
        batch_size=6,
        accumulate=min(recipe.accumulate, 3),
        lesson=lesson,
        precision="no",  # accelerate keeps that of the first run of a process
        start="",
    )


def alike(recipe: Recipe) -> str:
    """Recipes of which one is tried: same class, optimizer, lesson."""
    parts = (recipe.args.keys(), recipe.lesson, train.named(recipe.optimizer), recipe.clip)
    return str((registry.variant(recipe.model).target, *parts))


DIFFERENT = {alike(recipe): key for key, recipe in PAPERS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("key", DIFFERENT.values())
def test_a_recipe_makes_its_steps(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small(PAPERS[key])
    if recipe.dataset in BENCHMARKS:
        own = BENCHMARKS[recipe.dataset]
        opener = "tests.test_recipes:open_noise"
        text = "zoo.benchmarks.language:open_folder"
        monkeypatch.setattr("zoo.benchmarks.language.open_folder", open_noise)
        monkeypatch.setitem(
            BENCHMARKS, own.id, replace(own, opener=text if own.is_text else opener)
        )
    else:
        (tmp_path / recipe.dataset).mkdir()
        pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / recipe.dataset / "0001.png")
    run = train.Run(recipe, seed=0, out=tmp_path / "run", data=tmp_path)
    before = [parameter.detach().clone() for parameter in run.bare.parameters()]
    run.epoch(0, lambda loss: None)
    run.epoch(1, lambda loss: None)
    assert [np.isfinite(row["loss"]) for row in run.history] == [True, True]
    assert run.history[1]["lr"] == pytest.approx(recipe.lr * recipe.schedule(3 / 4))
    pairs = zip(before, run.bare.parameters(), strict=True)
    moved = [not torch.equal(then, now) for then, now in pairs if now.requires_grad]
    assert sum(moved) > 0.8 * len(moved)
