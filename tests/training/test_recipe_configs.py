"""The recipes of configs/: what they say is what papers say.

The schedules stand a second time in tests/schedules.json, as iterations or epochs and rates.
"""

import json
import re
import runpy
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
import torch

from tests.conftest import ROOT, class_of, one_of_a_kind
from zoo import training
from zoo.data.benchmarks import BENCHMARKS
from zoo.models._factory import create
from zoo.models._registry import get_entry
from zoo.papers.loading import load_papers
from zoo.training import Recipe, steps
from zoo.training.denoising import Denoising
from zoo.training.density import ImageDensity
from zoo.training.forecasting import Forecasting
from zoo.training.image_classification import ImageClassification, PaperClassification
from zoo.training.image_streaming import StreamedImageClassification
from zoo.training.keyword_spotting import KeywordSpotting
from zoo.training.language_modeling import NextToken
from zoo.training.restoration import Restoration
from zoo.training.series import SeriesForecasting
from zoo.training.super_resolution import SuperResolution
from zoo.training.time_series import TimeSeriesClassification

RECIPES = {
    f"{path.name}:{name}": value
    for path in sorted((ROOT / "configs").glob("*.py"))
    for name, value in runpy.run_path(str(path)).items()
    if isinstance(value, Recipe)
}
PAPERS = {key: recipe for key, recipe in RECIPES.items() if "shortened" not in recipe.source}
SCHEDULED = {key: recipe for key, recipe in PAPERS.items() if not recipe.plateau}
SCHEDULES = json.loads((ROOT / "tests" / "schedules.json").read_text())
COUNTED = (SuperResolution, Restoration, NextToken, Denoising, SeriesForecasting)  # by steps
FOLDERS = {"div2k_train", "df2k_train", "photos"}  # of images to downscale
ARXIV = re.compile(r"\d{4}\.\d{5}")
PROMISE = re.compile(r"(\w+) ([\d.]+) on (\S+) \(((?:[^()]|\([^()]*\))*)\)")


def per_epoch(recipe: Recipe) -> int:
    """Batches of an epoch."""
    if isinstance(recipe.objective, COUNTED):
        return recipe.objective.steps
    if isinstance(recipe.objective, Forecasting):  # origins with a whole look-back before them
        look_back = get_entry(recipe.model).cfg["input_size"][0]
        return (BENCHMARKS[recipe.dataset].size - look_back) // recipe.batch_size
    return BENCHMARKS[recipe.dataset].size // recipe.batch_size


def table(key: str) -> dict[str, Any]:
    """What the paper of a recipe says of its rate."""
    file, name = key.split(":")
    of_file = SCHEDULES[file]
    (schedule,) = [rows for names, rows in of_file.items() if re.fullmatch(names, name)]
    return dict(schedule)


def check_schedule(key: str, recipe: Recipe) -> None:
    """Raises AssertionError where a recipe has another rate than its paper."""
    expected, batches = table(key), per_epoch(recipe)
    total = batches * recipe.epochs
    assert total == expected["iterations"]
    assert len(expected["rates"]) >= 10
    for place, rate in expected["rates"]:
        step = round(place * (batches if expected["unit"] == "epoch" else 1))
        lr = recipe.lr * recipe.schedule(step / total)
        assert lr == pytest.approx(rate, rel=5e-3), f"{place}: {lr}"


@cache
def known() -> set[str]:
    """The arXiv numbers of the zoo's papers, and of those that its weights were trained after."""
    papers = load_papers()
    texts = [paper.arxiv for paper in papers]
    texts += [entry.note for paper in papers for entry in paper.weights]
    return set(ARXIV.findall(" ".join(texts)))


def test_configs_have_recipes_of_every_objective() -> None:
    assert len(PAPERS) > 90
    kinds = {type(recipe.objective) for recipe in PAPERS.values()}
    assert kinds == {
        ImageClassification,
        PaperClassification,
        StreamedImageClassification,
        SuperResolution,
        Restoration,
        NextToken,
        Denoising,
        KeywordSpotting,
        Forecasting,
        SeriesForecasting,
        TimeSeriesClassification,
        ImageDensity,
    }
    assert {key.split(":")[0] for key in SCHEDULED} == set(SCHEDULES)


@pytest.mark.parametrize("key", RECIPES)
def test_recipe_source_cites_known_paper_and_dataset(key: str) -> None:
    recipe = RECIPES[key]
    numbers = ARXIV.findall(recipe.source)
    assert numbers
    assert set(numbers) <= known(), f"not a paper of the zoo: {recipe.source}"
    if key in PAPERS:
        assert recipe.hardware
        assert recipe.expected
        assert recipe.reached
    if isinstance(recipe.objective, SuperResolution):
        assert recipe.dataset in FOLDERS
        assert recipe.model.endswith(f"_x{recipe.objective.scale}")
    elif not isinstance(recipe.objective, Restoration):  # pairs in a folder of any name
        assert recipe.dataset in BENCHMARKS


def test_recipe_names_are_unique_on_a_data_set() -> None:
    names = [(recipe.name, recipe.dataset) for recipe in RECIPES.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", PAPERS)
def test_recipe_expected_scores_are_claims_of_the_paper(key: str) -> None:
    """Metric, value, benchmark and table are those of a claim on that network, if numbers are of a
    paper of the zoo."""
    recipe = PAPERS[key]
    claims = [claim for paper in load_papers() for claim in paper.claims]
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
        return create(model, **dict(args))


@pytest.mark.parametrize("key", one_of_a_kind(PAPERS, lambda key: class_of(PAPERS[key].model)))
def test_recipe_model_exists_and_fits_dataset(key: str) -> None:
    recipe = PAPERS[key]
    network = on_meta(recipe.model, tuple(recipe.args.items()))
    entry = get_entry(recipe.model)
    if entry.is_classifier:
        classes = BENCHMARKS[recipe.dataset].classes
        assert network.num_classes == classes
        assert {**network.pretrained_cfg, **recipe.preprocessing}["num_classes"] == classes
    if isinstance(recipe.objective, NextToken):
        assert entry.cfg["tokenizer"] == recipe.objective.tokenizer
        assert network.context == recipe.objective.context


@pytest.mark.parametrize("key", SCHEDULED)
def test_recipe_schedule_matches_paper(key: str) -> None:
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
        ("pile.py:muddformer_405m", {"schedule": training.cosine(warmup=0.01)}),
    ],
)
def test_check_schedule_wrong_recipe_fails(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_schedule(key, replace(PAPERS[key], **changes))
