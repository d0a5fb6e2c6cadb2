"""Series of the UCR archive: its formats, classes, what is wrong with a file, evaluation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.data_sets import zip_of
from tests.support.file_server import Answer, FileServer
from tests.support.series import write_set
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.catalog.entries import get_dataset
from zoo.data.ucr import Series, series_sets
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.papers.protocols import TimeSeriesProtocol

TASK = tasks.TASKS["time-series-classification"]
BENCHMARK = BENCHMARKS["ucr/ecg200"]  # labels -1 and 1


@pytest.mark.parametrize("suffix", ["", ".ts", ".tsv", ".txt"])
def test_open_every_format_gives_the_same_series(suffix: str, tmp_path: Path) -> None:
    values, labels = write_set(tmp_path, "ECG200", (-1, 1), suffix)
    series: Any = BENCHMARK.open(tmp_path)
    np.testing.assert_array_equal(series.values, values["TEST"])
    np.testing.assert_array_equal(series.training.values, values["TRAIN"])
    assert series.labels.tolist() == [(label + 1) // 2 for label in labels["TEST"]]
    assert [path.name for path in series.files] == [
        f"ECG200_{split}{suffix}" for split in ("TRAIN", "TEST")
    ]
    assert series.where(2) == f"{series.file}, series 3"
    assert series[3][1] in (0, 1)


def test_standardized_takes_one_mean_and_deviation_of_the_training_split(tmp_path: Path) -> None:
    values, _ = write_set(tmp_path, "ECG200", (-1, 1))
    series: Any = BENCHMARK.open(tmp_path)
    mean, deviation = values["TRAIN"].mean(), values["TRAIN"].std()
    for split, each in (("TEST", series), ("TRAIN", series.training)):
        np.testing.assert_allclose(
            each.standardized().values, (values[split] - mean) / deviation, rtol=1e-12
        )


def test_open_missing_or_wrong_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="needs a folder of data"):
        BENCHMARK.open()
    with pytest.raises(DatasetNotFoundError, match=r"no ECG200_TRAIN, .*`zoo data get ucr`"):
        BENCHMARK.open(tmp_path)
    write_set(tmp_path, "ECG200", (-1, 1), ".tsv")
    path = tmp_path / "series" / "ucr" / "ECG200" / "ECG200_TEST.tsv"
    whole = path.read_text()
    for text, problem in (
        ("", r"has 0 series of 0 steps, not 100 of 96"),
        (whole.replace("1\t", "1\t7\t", 1), "is no table of numbers"),
        ("\n".join(whole.splitlines()[1:]), r"has 99 series of 96 steps, not 100 of 96"),
        (whole.replace("-1\t", "3\t"), r"has 2 classes, .*TRAIN.tsv 2, and with .* they are 3"),
    ):
        path.write_text(text)
        with pytest.raises(DatasetNotFoundError, match=problem):
            BENCHMARK.open(tmp_path)
    first = whole.split("\t")[1]
    path.write_text(whole.replace(first, "nan", 1))
    with pytest.raises(DatasetNotFoundError, match="has values that are missing"):
        BENCHMARK.open(tmp_path)


class LastStep(nn.Module):
    """The class is whether the last step is above a threshold."""

    def __init__(self, threshold: float = 0.0) -> None:
        super().__init__()
        self.num_classes = 2  # as the evaluator reads it
        self.threshold = threshold

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = x[:, 0, -1] - self.threshold
        return torch.stack([-last, last], 1)


def test_evaluator_counts_errors_on_the_test_split_by_its_scale() -> None:
    training = Series(np.full((4, 3), [[9.0], [11.0], [9.0], [11.0]]), np.zeros(4, int), Path("a"))
    values = np.array([[0, 0, 9.5], [0, 0, 10.5], [0, 0, 11.0], [0, 0, 8.0]])
    series = Series(values, np.array([0, 1, 0, 1]), Path("b"), training)
    for standardized, threshold in ((True, 0.0), (False, 10.0)):
        protocol = TimeSeriesProtocol(standardized=standardized)
        result = evaluate(TASK.evaluator(LastStep(threshold), series, protocol, BENCHMARK))
        assert result["scores"]["error"]["count"] == 2
        assert result["parts"]["wrong"] == {"2": 1, "3": 0}


def test_card_texts_name_length_and_scale() -> None:
    cfg = {"input_size": (1, 24), "fixed_input_size": True, "classes": 3}
    assert TASK.preprocessing(cfg)[0].startswith("A series of 24 steps, less the mean")
    assert "any length" in TASK.preprocessing(cfg | {"fixed_input_size": False})[0]
    assert TASK.describe_protocol({"standardized": False}).startswith("series as stored")


def test_get_ucr_unpacks_an_archive_for_each_set(
    server: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    (file,) = get_dataset("ucr").files
    assert set(file.names) == {series_set.name for series_set in series_sets().values()}
    resize("ucr", 100, files=(replace(file, names=("ECG200",)),), benchmarks=("ucr/ecg200",))
    write_set(tmp_path, "ECG200", (-1, 1))
    folder = tmp_path / "series" / "ucr" / "ECG200"
    archive = zip_of({path.name: path.read_bytes() for path in folder.iterdir()})
    server.files["/aeon-toolkit/ECG200.zip"] = Answer(archive)
    catalog.get("ucr", tmp_path / "data")
    series: Any = BENCHMARK.open(tmp_path / "data")
    assert [path.parent.name for path in series.files] == ["ucr", "ucr"]


@pytest.mark.data
@pytest.mark.parametrize("name", series_sets())
def test_every_set_of_the_folder_has_its_size(name: str, zoo_data: Path) -> None:
    series: Any = BENCHMARKS[f"ucr/{name}"].open(zoo_data)
    assert set(series.labels) == set(range(series_sets()[name].classes))
