"""`zoo evaluate` for classifiers: any data set, every image once, a killed run goes on."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import torchmetrics.functional.classification as metrics
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from timm.data import ImageNetInfo

import zoo
from tests.support.evaluation import evaluate as run
from tests.support.models import bundled_weights
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import MultiCrop
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.custom.labelled_images import open_source
from zoo.evaluation.custom.request import DataError
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import CropProtocol

TIMES = {"seconds", "peak_memory", "date"}
CFG = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
PHOTOS = [Image.fromarray(photo) for photo in load_sample_images().images]


def right(record: dict[str, Any], metric: str = "error") -> int:
    score = record["scores"][metric]
    assert score["value"] == 100 * score["count"] / score["total"]
    return int(score["total"] - score["count"])


def test_evaluate_digits_matches_recorded_counts() -> None:
    record = run("resnet20.zoo_digits", "--benchmark", "digits/test")
    pinned = bundled_weights("resnet20")
    expected = json.loads(pinned.record.read_text())["benchmarks"]["digits/test"]
    assert (right(record), record["samples"]) == (expected["right"], expected["total"])
    assert (record["sha256"], record["weights"]) == (pinned.sha256, pinned.name)
    low, high = record["scores"]["error"]["interval"]
    assert low < record["scores"]["error"]["value"] < high
    assert set(record) > TIMES | {"versions", "commit", "device", "precision", "limit"}


def parquet(path: Path, names: tuple[str, str] = ("image", "label")) -> Path:
    """60 digits in a parquet file, with ImageNet's column names."""
    digits = BENCHMARKS["digits/test"].open()
    images, labels = zip(*(digits[i] for i in range(60)), strict=True)
    features = datasets.Features(
        {names[0]: datasets.Image(), names[1]: datasets.ClassLabel(num_classes=10)}
    )
    rows = {names[0]: list(images), names[1]: list(labels)}
    datasets.Dataset.from_dict(rows, features).to_parquet(path)
    return path


def folder(path: Path) -> Path:
    """The same digits, a folder per class."""
    digits = BENCHMARKS["digits/test"].open()
    for i in range(60):
        image, label = digits[i]
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        image.save(path / str(label) / f"{i}.png")
    return path


@pytest.mark.parametrize("make", [parquet, folder])
def test_evaluate_custom_dataset_matches_torchmetrics(make: Any, tmp_path: Path) -> None:
    """Right predictions, recounted by torchmetrics from the logits."""
    where = make(tmp_path / "set.parquet" if make is parquet else tmp_path / "set")
    record = run("resnet20.zoo_digits", "--benchmark", str(where), "--batch-size", "7")
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    samples = open_source(str(where)).samples
    pairs = [samples[i] for i in range(60)]
    prepare = zoo.transform(model)
    with torch.inference_mode():
        logits = model(torch.stack([prepare(image) for image, _ in pairs]))
    labels = torch.tensor([label for _, label in pairs])
    share = metrics.multiclass_accuracy(logits, labels, 10, average="micro")
    assert 58 <= right(record) == round(60 * share.item())
    assert list(record["scores"]) == ["error"]  # of ten classes


def test_compute_many_classes_top5_matches_torchmetrics(tmp_path: Path) -> None:
    """Untrained, so that most are wrong; by torchmetrics."""
    torch.manual_seed(0)
    model = zoo.create("resnet20", num_classes=20).eval()
    samples = [(image, label) for image, label in zip(PHOTOS * 6, range(12), strict=True)]
    evaluator = ClassificationEvaluator(
        model, samples, MultiCrop(CropProtocol(resize=(32,), crop_size=32), CFG)
    )
    evaluator.prepare(torch.device("cpu"), EvalConfig())
    with torch.inference_mode():
        predictions = {
            i: tuple(rest)
            for i, *rest in evaluator.predict([(i, evaluator.load(i)) for i in range(12)])
        }
        logits = model(torch.cat([evaluator.load(i)[0][0] for i in range(12)]))
    labels = torch.arange(12)
    for k, metric in ((1, "error"), (5, "top5_error")):
        share = metrics.multiclass_accuracy(logits, labels, 20, average="micro", top_k=k)
        assert evaluator.compute(predictions)["scores"][metric]["count"] == round(
            12 * (1 - share.item())
        )


def test_open_source_other_column_names_reads_samples(tmp_path: Path) -> None:
    path = str(parquet(tmp_path / "x.parquet", ("img", "fine")))
    assert len(open_source(path).samples) == 60  # the only image and the only class
    with pytest.raises(DataError, match=r"no column 'what'; .* by --columns, two of img, fine"):
        open_source(path, columns=("what", ""))


def test_open_source_imagenet_folders_checks_wnids(tmp_path: Path) -> None:
    wnids = ImageNetInfo("imagenet-1k").label_names()
    for wnid in wnids[:-1]:
        (tmp_path / wnid).mkdir()
    with pytest.raises(DataError, match=f"has 999 folders .* differ in {wnids[-1]}"):
        open_source(str(tmp_path))
    (tmp_path / wnids[-1]).mkdir()
    with pytest.raises(DataError, match="not one folder of images per class"):
        open_source(str(tmp_path))
    for wnid in wnids:
        Image.new("RGB", (4, 4)).save(tmp_path / wnid / "x.png")
    samples = open_source(str(tmp_path)).samples
    assert [samples[i][1] for i in (0, 7, 999)] == [0, 7, 999]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["resnet20.zoo_digits", "--benchmark", "./nowhere"],
            "is no parquet file, no folder of images",
        ),
        (["nothing", "--benchmark", "digits/test"], "no model is called 'nothing'"),
        (
            ["resnet20.zoo_digits", "--benchmark", "digits/test", "--protocol", "x"],
            "no protocol is called 'x'",
        ),
        (["resnet20.zoo_digits", "--benchmark", "cifar10/test"], "needs a folder of data"),
    ],
)
def test_evaluate_bad_input_raises_one_sentence(arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(*arguments)


def test_evaluate_interrupted_run_resumes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    setting = ("resnet20.zoo_digits", "--benchmark", "digits/test", "--out", str(out))
    whole = run(*setting)
    log = out / "answers-0.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert len(lines) == 361
    log.write_text("".join(lines[:200]) + lines[200][:5])  # in the middle of a line
    again = run(*setting)
    assert {k: v for k, v in again.items() if k not in TIMES} == {
        k: v for k, v in whole.items() if k not in TIMES
    }
    with pytest.raises(ValueError, match="holds answers of another setting"):
        run(*setting, "--limit", "10")


def test_evaluate_weights_file_requires_model(tmp_path: Path) -> None:
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    path = str(tmp_path / "mine.safetensors")
    save_file(model.state_dict(), path)
    like = [*("--model", "resnet20"), "--benchmark", "digits/test", "--limit", "30"]
    cfg = pretrained_cfg(model)
    options = [f"--{key}" for key in ("mean", "std")]
    for i, key in ((1, "mean"), (3, "std")):
        options[i:i] = map(str, cfg[key])
    assert run(path, *like)["samples"] == 30
    with pytest.raises(ValueError, match="name it by"):
        run(path, "--benchmark", "digits/test")
    with pytest.raises(ValueError, match="lacks"):
        run(path, "--model", "resnet32", "--benchmark", "digits/test")


@pytest.mark.slow
def test_evaluate_bf16_changes_no_sampled_predictions() -> None:
    record = run("resnet20.zoo_digits", "--benchmark", "digits/test", "--precision", "bf16")
    assert right(record) >= 355
    assert record["changed"] == {"count": 0, "total": 100}


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["inductor", "onnxruntime", "openvino"])
def test_evaluate_backend_matches_eager_count(backend: str) -> None:
    """By inductor, which needs a C++ compiler, and by sessions."""
    options = ("--benchmark", "digits/test", "--backend", backend, "--batch-size", "120")
    record = run("resnet20.zoo_digits", *options)
    assert right(record) == 358
    assert record["backend"] == backend
    assert record["changed"] == {"count": 0, "total": 100}
