"""Diagnosis of classifiers: `explain` names a mistake that other code makes here."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, DistributedSampler

import zoo
from zoo.claims.diagnosis import Explanation, Search
from zoo.claims.diagnosis.causes import UserSettings, evenly_spaced, sampling_error, select_causes
from zoo.claims.diagnosis.image_classification import ClassificationTarget
from zoo.claims.diagnosis.preprocessing import preprocess
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import EvalTransform, make_transform
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create

DIGITS = "digits/test"
NAME = "resnet20.zoo_digits"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
OWN = ([0.5] * 3, [0.5] * 3)
COUNT = 60


class Some:
    """60 digits, one of which is misclassified; one may be unreadable."""

    def __init__(self, torn: int = -1) -> None:
        self.images, self.torn = BENCHMARKS[DIGITS].open(), torn

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        if index == self.torn:
            raise OSError("image file is truncated")
        return self.images[140 + index]


def classifier(samples: Any, limit: int = 0) -> ClassificationTarget:
    model = zoo.create(NAME, pretrained=True)
    return ClassificationTarget(
        NAME, model, BENCHMARKS[DIGITS], samples, UserSettings({}, {}, None, limit)
    )


@cache
def subject() -> ClassificationTarget:
    """A target whose predictions are cached from test to test."""
    return classifier(Some())


def diagnose(number: str, *groups: str, pairs: int = 0) -> Explanation:
    """Diagnose a number on the first digits."""
    search = Search(subject(), "accuracy", Decimal(number), lambda done, total, what: None)
    search.try_causes(select_causes(subject(), groups))
    if pairs:
        search.try_causes(search.likely_pairs(pairs))
    return search.explanation(NAME, DIGITS, "")


def pixels(samples: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    """The images as a user would make them, in 0..1, and labels."""
    samples = samples or Some()
    pairs = [samples[i] for i in range(len(samples))]
    large = [
        np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR))
        for image, _ in pairs
    ]
    x = torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2) / 255
    return x, torch.tensor([label for _, label in pairs])


def normalised(x: torch.Tensor, mean: Iterable[float], std: Iterable[float]) -> torch.Tensor:
    return torch.stack(
        [(x[:, i] - m) / s for i, (m, s) in enumerate(zip(mean, std, strict=True))], 1
    )


@torch.no_grad()
def rights(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, batch: int) -> torch.Tensor:
    return torch.cat([model(part).argmax(1) for part in x.split(batch)]).eq(y)


def percent(right: torch.Tensor) -> str:
    return f"{100 * right.double().mean().item():.2f}"


def by_imagenet(samples: Any = None) -> str:
    x, y = pixels(samples)
    return percent(rights(zoo.create(NAME, pretrained=True), normalised(x, *IMAGENET), y, 90))


def undivided() -> str:
    x, y = pixels()
    return percent(rights(zoo.create(NAME, pretrained=True), 255 * x, y, 90))


def in_train_mode() -> str:
    x, y = pixels()
    model = zoo.create(NAME, pretrained=True).train()
    return percent(rights(model, normalised(x, *OWN), y, 1))


def padded_in_front(samples: Any = None) -> str:
    x, y = pixels(samples)
    model = create("resnet20", padding="both").eval()
    model.load_state_dict(zoo.create(NAME, pretrained=True).state_dict())
    return percent(rights(model, normalised(x, *OWN), y, 90))


def by_sixteen_processes() -> str:
    x, y = pixels()
    right = rights(zoo.create(NAME, pretrained=True), normalised(x, *OWN), y, 90)
    shares = [
        DistributedSampler(range(COUNT), num_replicas=16, rank=rank, shuffle=False)
        for rank in range(16)
    ]
    seen = torch.tensor([i for share in shares for i in share])
    assert len(seen) == 64
    return percent(right[seen])


def by_a_loader_that_drops() -> str:
    x, y = pixels()
    right = rights(zoo.create(NAME, pretrained=True), normalised(x, *OWN), y, 90)
    return percent(torch.cat(list(DataLoader(right, batch_size=32, drop_last=True))))


def mirrored() -> str:
    x, y = pixels()
    return percent(rights(zoo.create(NAME, pretrained=True), normalised(x, *OWN).flip(3), y, 90))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        (by_imagenet, "with ImageNet's normalisation constants"),
        (undivided, "without normalisation, pixels in 0..255"),
        (in_train_mode, "in train mode, BatchNorm seeing batches of 1"),
        (padded_in_front, "with the zeros of option A's shortcuts on both sides"),
        (
            by_sixteen_processes,
            r"with the first 4 samples twice \(.*a DistributedSampler of 16 processes",
        ),
        (by_a_loader_that_drops, r"without the last 28 samples \(drop_last of batches of 32"),
        (mirrored, "on mirrored images"),
    ],
)
def test_explain_single_mistake_reports_its_cause(mistake: Callable[[], str], named: str) -> None:
    number = mistake()
    explanation = diagnose(number)
    causes = [result.cause for result in explanation.causes]
    assert any(re.match(named, cause) for cause in causes), (number, causes)
    assert len(causes) <= 8, causes  # among so few images some coincide
    assert explanation.explained
    assert any(f"what these weights score {cause}" in explanation.sentence for cause in causes)
    assert explanation.sentence.count(" %)") == len(causes[:5])


def test_explain_correct_score_equals_benchmark_score() -> None:
    model: Any = zoo.create(NAME, pretrained=True)
    transform = make_transform(pretrained_cfg(model), None)
    error = evaluate(ClassificationEvaluator(model, Some(), transform))["scores"]["error"]
    right = COUNT - error["count"]
    explanation = diagnose(f"{100 * right / COUNT:.2f}", "labels")
    assert explanation.score == 100 * right / COUNT
    assert explanation.fits
    assert explanation.causes == ()
    assert "is what these weights score as they should" in explanation.sentence


def test_show_base_settings_equal_timm_preprocessing() -> None:
    one = subject()
    prepare = EvalTransform(pretrained_cfg(one.models.model))
    expected = torch.stack([prepare(image) for image in one.images[:3]])
    assert torch.equal(preprocess(one.images[:3], one.base, one.size), expected)


def test_likely_pairs_combine_different_groups() -> None:
    search = Search(subject(), "accuracy", Decimal("50.0"), lambda done, total, what: None)
    search.try_causes(select_causes(subject(), ("normalisation", "labels", "mirrored")))
    pairs = search.likely_pairs(1000)
    assert {pair.group for pair in pairs} == {
        "normalisation + labels",
        "normalisation + mirrored",
        "mirrored + labels",
    }
    assert len(search.likely_pairs(3)) == 3


def test_explain_two_mistakes_reports_the_pair() -> None:
    x, y = pixels()
    model = zoo.create(NAME, pretrained=True)
    number = percent(rights(model, x.flip(3) - 0.5, y, 90))
    groups = ("normalisation", "mirrored")
    assert not diagnose(number, *groups).causes
    named = [result.cause for result in diagnose(number, *groups, pairs=10).causes]
    mean_alone = "with the mean subtracted and no division by the standard deviation"
    assert f"{mean_alone} and on mirrored images" in named


def test_explain_unknown_score_is_not_explained() -> None:
    explanation = diagnose("42.42", "labels", "mirrored", "normalisation")
    assert not explanation.explained
    assert "no known cause explains 42.42 %; the nearest is what they score" in explanation.sentence
    assert abs(explanation.tried[0].score - 42.42) <= abs(explanation.tried[1].score - 42.42)


def test_chance_subset_of_samples_widens_tolerance() -> None:
    assert list(evenly_spaced(10, 0)) == list(range(10))
    assert list(evenly_spaced(10, 4)) == [0, 2, 5, 7]
    assert sampling_error([1.0, 2.0, 3.0], 3) == 0
    assert sampling_error([1.0, 2.0, 3.0], 10) == pytest.approx(1.959964 * (7 / 9 / 3) ** 0.5)
    assert sampling_error([1.0, 2.0, 3.0], 10**9) == pytest.approx(1.959964 / 3**0.5, rel=1e-6)
    some = classifier(BENCHMARKS[DIGITS].open(), limit=60)
    assert not any("samples twice" in cause.phrase for cause in some.causes)
    score = some.measure(some.base, "accuracy")
    assert score.slack > 1
    assert score.off(99.44) == 0


def test_explanation_near_match_reports_nearer_cause() -> None:
    ours = diagnose("100.00", "labels", "mirrored")  # of 60 images, one is misclassified
    assert ours.fits
    assert ours.causes == ()
    assert "as they should, but for chance or another machine (98.33 %)." in ours.sentence
    nearer = replace(ours.tried[0], cause="by luck", score=100.0, explains=True)
    explanation = replace(ours, tried=(nearer, replace(nearer, score=98.33)))
    assert explanation.causes == (nearer,)
    assert "(98.33 %); nearer still is what they score by luck (100.00 %)." in explanation.sentence
    some = replace(ours, whole=10_000)
    assert some.sentence.endswith("(98.33 %). So say 60 of 10,000 images, 95 times in 100.")
    rounded = replace(explanation, reported=Decimal("98.3"))
    assert rounded.causes == ()
    assert rounded.sentence == "98.3 % is what these weights score as they should (98.33 %)."


def test_target_unreadable_image_is_excluded_and_a_cause() -> None:
    torn = classifier(Some(torn=7))
    assert torn.samples == torn.whole == COUNT - 1
    assert len(torn.broken) == 1
    assert "truncated" in torn.broken[0]
    cause = next(c for c in torn.causes if "cannot be read" in c.phrase)
    right = torn.measure(torn.base, "accuracy").value * (COUNT - 1)
    measured = torn.measure(replace(torn.base, **cause.changes), "accuracy")
    assert measured.value == pytest.approx(right / COUNT)


def test_explanation_wrong_normalisation_states_correct_values() -> None:
    explanation = diagnose(by_imagenet(), "normalisation")
    assert "; theirs are mean 0.5, 0.5, 0.5 and standard deviation 0.5" in explanation.sentence
