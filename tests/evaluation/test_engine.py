"""The one loop: every sample once, whatever the batches; broken data; errors; what is resumed."""

import math
import platform
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from tests.support.processes import start
from zoo import distributed
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.parquet import open_files, open_split
from zoo.distributed import LaunchError, ProcessGroup, init
from zoo.evaluation import engine
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.samples import UnreadableSampleError
from zoo.models._builder import pretrained_cfg

ALONE = ProcessGroup(0, 1, torch.device("cpu"))


class Squares:
    """An evaluator whose predictions are known: the square of each index."""

    batch_size = 3
    network = nn.Identity()

    def __init__(self, size: int, broken: Sequence[int] = ()) -> None:
        self.size, self.broken = size, broken
        self.predicted: list[list[int]] = []

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        pass

    def load(self, index: int) -> int:
        if index in self.broken:
            raise UnreadableSampleError(f"row {index} cannot be read")
        return index**2

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return engine.batched(indices, size)

    def contents(self) -> str:
        return ""

    def predict(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]:
        self.predicted.append([index for index, _ in batch])
        yield from batch

    def compute(self, predictions: engine.Predictions) -> dict[str, Any]:
        return {"samples": len(predictions)}


def run(
    evaluator: Squares, config: EvalConfig | None = None, folder: Path | None = None
) -> engine.EvalOutput:
    return engine.run_evaluation(
        evaluator, ALONE, config or EvalConfig(), setting={"a": 1}, folder=folder
    )


@pytest.mark.parametrize("size", [1, 5, 360])
@pytest.mark.parametrize("batch_size", [0, 1, 7, 1000])
def test_run_evaluation_every_sample_has_one_prediction(size: int, batch_size: int) -> None:
    evaluator = Squares(size)
    output = run(evaluator, EvalConfig(batch_size=batch_size))
    assert output.predictions == {i: (i**2,) for i in range(size)}
    assert output.sha256 == run(Squares(size)).sha256
    assert len(evaluator.predicted) == math.ceil(size / (batch_size or evaluator.batch_size))
    assert (output.broken, output.seconds >= 0, output.peak_memory > 10**6) == ((), True, True)


def test_run_evaluation_workers_give_same_predictions(tmp_path: Path) -> None:
    assert run(Squares(20), EvalConfig(workers=2)).predictions == run(Squares(20)).predictions


def test_run_evaluation_limit_takes_first_samples() -> None:
    assert list(run(Squares(20), EvalConfig(limit=4)).predictions) == [0, 1, 2, 3]
    assert len(run(Squares(3), EvalConfig(limit=4)).predictions) == 3


def test_run_evaluation_unreadable_sample_raises_or_is_skipped() -> None:
    with pytest.raises(ValueError, match=r"row 4 cannot be read; mend it, or .* --skip-broken"):
        run(Squares(9, broken=(4, 7)))
    output = run(Squares(9, broken=(4, 7)), EvalConfig(skip_broken=True))
    assert output.broken == ("row 4 cannot be read", "row 7 cannot be read")
    assert sorted({*range(9)} - output.predictions.keys()) == [4, 7]


def test_run_evaluation_interrupted_resumes(tmp_path: Path) -> None:
    whole = run(Squares(9), folder=tmp_path)
    log = tmp_path / "answers-0.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:5]) + lines[5][:2])
    evaluator = Squares(9)
    again = run(evaluator, folder=tmp_path)
    assert (again.predictions, again.sha256) == (whole.predictions, whole.sha256)
    assert [index for batch in evaluator.predicted for index in batch] == [4, 5, 6, 7, 8]
    with pytest.raises(ValueError, match="answers of another setting"):
        engine.run_evaluation(Squares(9), ALONE, EvalConfig(), setting={"a": 2}, folder=tmp_path)


def test_run_evaluation_lost_prediction_raises() -> None:
    class Forgetful(Squares):
        def predict(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]:
            yield from batch[1:]

    with pytest.raises(RuntimeError, match="6 answers to 9 samples"):
        run(Forgetful(9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp8"}, "one of fp32, bf16, fp16, not 'fp8'"),
        ({"limit": -1}, "limit is 0 or more, not -1"),
    ],
)
def test_eval_config_invalid_value_raises(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvalConfig(**options)


# Processes


def test_init_process_group_wrong_count_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    assert init("cpu").size == 1
    with pytest.raises(LaunchError, match=r"asked for 3 processes, and there are 1: .*torchrun"):
        init("cpu", 3)
    monkeypatch.setattr(distributed, "requested_processes", lambda: ("accelerate launch", 2))
    with pytest.raises(LaunchError, match="accelerate launch was asked for 2 processes"):
        init("cpu")
    with pytest.raises(LaunchError, match="one of auto, cpu, cuda, mps, xpu, not 'tpu'"):
        init("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_init_process_group_missing_gpu_raises() -> None:
    with pytest.raises(LaunchError, match="torch can use no cuda here; say --device cpu"):
        init("cuda")


def test_raise_everywhere_error_of_other_rank_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """As rank 1 of 2 sees it: what is gathered is rank 0's error beside its own none."""
    there = ProcessGroup(1, 2, torch.device("cpu"))
    monkeypatch.setattr(ProcessGroup, "gather", lambda self, mine: [ValueError("row 3 of x"), mine])
    with pytest.raises(ValueError, match="row 3 of x"):
        there.raise_everywhere(None)


# Data


def parquet(path: Path, rows: list[tuple[bytes, int]]) -> Path:
    features = datasets.Features({"img": datasets.Image(), "label": datasets.ClassLabel(10)})
    images = [{"bytes": data, "path": None} for data, _ in rows]
    table = datasets.Dataset.from_dict(
        {"img": images, "label": [label for _, label in rows]}, features
    )
    table.to_parquet(path)
    return path


def jpeg(quality: int = 90) -> bytes:
    stream = BytesIO()
    Image.effect_noise((32, 32), 60).convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DIR/cifar10/test-*.parquet of two files: five images, of which one is half a JPEG."""
    few = replace(BENCHMARKS["cifar10/test"], size=5)
    monkeypatch.setitem(BENCHMARKS, few.id, few)
    home = tmp_path / "cifar10"
    home.mkdir()
    half = jpeg()[: len(jpeg()) // 2]
    parquet(home / "test-00000-of-00002.parquet", [(jpeg(), 1), (jpeg(), 2)])
    parquet(home / "test-00001-of-00002.parquet", [(jpeg(), 3), (half, 4), (jpeg(), 5)])
    return tmp_path


def test_run_evaluation_broken_jpeg_names_file_and_row(few: Path) -> None:
    from zoo.data.transforms import make_transform
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    model = zoo.create("resnet20")
    evaluator = ClassificationEvaluator(
        model,
        BENCHMARKS["cifar10/test"].open(few),
        make_transform(pretrained_cfg(model), None),
    )
    message = r"row 1 of .*test-00001-of-00002\.parquet cannot be read: .*truncated"
    with pytest.raises(ValueError, match=message):
        engine.run_evaluation(evaluator, ALONE, EvalConfig(), setting={})
    output = engine.run_evaluation(evaluator, ALONE, EvalConfig(skip_broken=True), setting={})
    assert sorted(output.predictions) == [0, 1, 2, 4]
    (named,) = output.broken
    assert "row 1 of" in named


def test_run_evaluation_label_out_of_range_raises(few: Path) -> None:
    from zoo.data.transforms import make_transform
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    model = zoo.create("resnet20", num_classes=3)
    evaluator = ClassificationEvaluator(
        model,
        BENCHMARKS["cifar10/test"].open(few),
        make_transform(pretrained_cfg(model), None),
    )
    with pytest.raises(ValueError, match=r"row 0 of .*00001-of.* has the label 3; .* has 0\.\.2"):
        engine.run_evaluation(evaluator, ALONE, EvalConfig(), setting={})


def test_benchmark_open_missing_or_cut_file_raises(few: Path) -> None:
    first, second = sorted((few / "cifar10").iterdir())
    data = second.read_bytes()
    second.write_bytes(data[:-20])
    with pytest.raises(
        DatasetNotFoundError, match=r"00001-of-00002\.parquet is no whole parquet file"
    ):
        BENCHMARKS["cifar10/test"].open(few)
    second.unlink()
    with pytest.raises(DatasetNotFoundError, match=r"00001-of-00002\.parquet is missing"):
        BENCHMARKS["cifar10/test"].open(few)
    second.write_bytes(data)
    assert open_split(BENCHMARKS["cifar10/test"], few).where(4).startswith("row 2 of ")
    assert len(open_files([first, second])) == 5


def test_benchmark_open_imagenet_parquet_checks_size(tmp_path: Path) -> None:
    home = tmp_path / "imagenet"
    with pytest.raises(
        DatasetNotFoundError, match=r"needs imagenet/validation-\*\.parquet or .*<wnid>"
    ):
        BENCHMARKS["imagenet/val"].open(tmp_path)
    home.mkdir()
    parquet(home / "validation-00000-of-00001.parquet", [(jpeg(), 1)])
    with pytest.raises(DatasetNotFoundError, match=r"has 50,000 images, .* holds 1"):
        BENCHMARKS["imagenet/val"].open(tmp_path)


FAULTS = """
import resource
import sys
from pathlib import Path

import torch

{starts}
for turn in range(20):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to")
def test_retain_freed_memory_on_cpu_reuses_pages(tmp_path: Path) -> None:
    """By an evaluation and by a run of training. A tensor of 64 MiB takes 16,384 pages, and takes
    them once or twice."""
    evaluates = "from zoo.distributed import init; init('cpu')"
    trains = (
        "from configs.digits import resnet20; from zoo.training import Trainer; "
        "Trainer(resnet20, seed=0, out=Path(sys.argv[1]))"
    )
    script, faults = tmp_path / "faults.py", []
    for starts in ("", evaluates, trains):
        script.write_text(FAULTS.format(starts=starts))
        output = tmp_path / str(len(faults))
        start(str(script), str(tmp_path), output=output, CUDA_VISIBLE_DEVICES="").join()
        faults.append(int(output.with_suffix(".out").read_text()))
    nothing, *others = faults
    assert nothing > 18 * 10_000
    assert max(others) < 3 * 16_384
