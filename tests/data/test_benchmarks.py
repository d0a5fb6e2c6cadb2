"""The bundled benchmark, and the weights that come with the package on real digits."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from tests.conftest import bundled, measured
from tests.support.models import bundled_weights
from tests.support.patching import replace_everywhere
from zoo.checkpoints.writing import file_sha256
from zoo.data import digits
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation.engine import shard
from zoo.models._factory import create
from zoo.models._registry import get_entry
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights

PINNED = [
    w
    for paper in load_papers()
    for w in paper.weights
    if w.bundled and get_entry(w.model).is_classifier
]


def test_make_split_digits_equals_committed_split() -> None:
    made = digits.make_split()
    assert made == json.loads(digits.SPLIT.read_text())
    train, test = made["train"], made["test"]
    assert sorted([*train, *test]) == list(range(1797))
    labels = digits.scans()[1]
    shares = np.bincount(labels[test]) / np.bincount(labels)
    assert np.all(np.abs(shares - 360 / 1797) < 0.01)  # stratified


def test_open_digits_changed_scans_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = digits.scans()
    monkeypatch.setattr(digits, "scans", lambda: (pixels + 1, labels))
    with pytest.raises(DatasetNotFoundError, match=r"digits/test.*digits_split\.json"):
        BENCHMARKS["digits/test"].open()


def test_open_digits_yields_8x8_grayscale_samples() -> None:
    samples = BENCHMARKS["digits/test"].open()
    assert len(samples) == BENCHMARKS["digits/test"].size == 360
    image, label = samples[0]
    assert (image.mode, image.size) == ("L", (8, 8))
    assert label in range(10)
    assert max(np.asarray(samples[i][0]).max() for i in range(20)) == 255


def test_bundled_weights_cover_expected_papers_and_are_small() -> None:
    assert {w.paper for w in PINNED} == {"resnet", "preresnet", "wrn"}
    for w in PINNED:
        assert w.path.stat().st_size < 1_200_000


@pytest.mark.parametrize("pinned", PINNED, ids=lambda w: w.name)
def test_check_bundled_weights_match_recorded_predictions(pinned: Weights) -> None:
    record = json.loads(pinned.record.read_text())
    assert record["sha256"] == pinned.sha256 == file_sha256(pinned.path)
    assert f"configs/digits.py:{pinned.model}" == record["recipe"] == pinned.recipe
    rows = bundled(pinned.name)
    assert [row.status for row in rows] == ["reproduced"], rows
    for name in pinned.benchmarks:
        recorded = record["benchmarks"][name]
        assert (
            recorded["right"] + len(recorded["wrong"]) == recorded["total"] == BENCHMARKS[name].size
        )
        assert recorded["right"] / recorded["total"] >= 0.99


def test_create_default_weights_classifies_digits() -> None:
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    prepare = zoo.transform(model)
    samples = BENCHMARKS["digits/test"].open()
    pairs = [samples[i] for i in range(50)]
    with torch.no_grad():
        predictions = model(torch.stack([prepare(image) for image, _ in pairs])).argmax(1).tolist()
    assert predictions == [label for _, label in pairs]


def test_check_bundled_wrong_normalization_names_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the wrong normalisation some answers change, and the row says on which images."""
    real = create

    def wrong(name: str, pretrained: bool = False, **overrides: object) -> torch.nn.Module:
        model = real(name, pretrained, **overrides)
        model.pretrained_cfg = {**model.pretrained_cfg, "mean": (-2.0, -2.0, -2.0)}
        return model

    replace_everywhere(monkeypatch, "zoo.models._factory.create", wrong)
    (row,) = bundled(PINNED[0].name)
    assert row.status == "not reproduced"
    assert row.fails
    assert row.why.endswith(" differ")


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 5, 360, 1003])
def test_shard_covers_every_sample_once(processes: int, size: int) -> None:
    samples = range(size)
    indices = [i for rank in range(processes) for i in shard(samples, rank, processes)]
    assert sorted(indices) == list(samples)


def test_open_benchmark_missing_data_names_expected_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="--data DIR or ZOO_DATA"):
        BENCHMARKS["cifar10/test"].open()
    with pytest.raises(DatasetNotFoundError, match=r"no cifar10/test-\*\.parquet"):
        BENCHMARKS["cifar10/test"].open(tmp_path)


def test_open_benchmark_partial_split_raises(tmp_path: Path) -> None:
    import datasets

    image = Image.new("RGB", (32, 32))
    features = datasets.Features({"img": datasets.Image(), "label": datasets.Value("int64")})
    rows = datasets.Dataset.from_dict({"img": [image] * 3, "label": [1, 2, 3]}, features=features)
    (tmp_path / "cifar10").mkdir()
    rows.to_parquet(tmp_path / "cifar10" / "test-00000-of-00001.parquet")
    with pytest.raises(DatasetNotFoundError, match=r"has 10,000 images, .* holds 3"):
        BENCHMARKS["cifar10/test"].open(tmp_path)


def test_benchmarks_cifar10_jpeg_has_no_claims() -> None:
    claimed = {claim.benchmark for claim in zoo.list_claims(kind="measured")}
    assert "cifar10_jpeg/test" in BENCHMARKS
    assert not any(benchmark.startswith("cifar10_jpeg") for benchmark in claimed)


@pytest.mark.parametrize(
    ("printed", "status"),
    [
        ("0.56", "reproduced"),
        ("1.90", "reproduced"),
        ("8.75", "exceeds reported"),
        ("0.00", "not reproduced"),
    ],
)
def test_judge_measured_claim_evaluates_bundled_weights(printed: str, status: str) -> None:
    """2 of 360 digits wrong: an error of 0.56 %, and of 0.15 to 2.0 % by chance."""
    claim = zoo.list_claims("resnet20", kind="measured", benchmark="cifar10/test")[0]
    here = replace(claim, benchmark="digits/test", value=Decimal(printed))
    row = measured(here)
    assert (row.status, row.measured) == (status, "0.56 % (2 of 360 wrong)")


def test_judge_measured_claim_missing_data_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = replace(bundled_weights("resnet20"), benchmarks=("cifar10/test",))
    replace_everywhere(monkeypatch, "zoo.models._registry.list_weights", lambda name: [pinned])
    claim = zoo.list_claims("resnet20", kind="measured", benchmark="cifar10/test")[0]
    row = measured(claim)
    assert (row.status, row.why) == (
        "not run",
        "cifar10/test needs a folder of data (--data DIR or ZOO_DATA)",
    )
