"""Tables: filled, encoded, drawn and standardized as the authors of 2501.18283 do it."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.tabular import Table, TableEntry, prepare, read_mirror, split_folds, table_entries

ARFF = """\
@relation pets
@attribute legs numeric
@attribute kind {dog, bird, fish}
@attribute good {yes, no}
@data
4, dog, yes
?, bird, no
2, ?, no
0, bird, yes
"""


def entry(file: str, classes: int = 2, **fields: object) -> TableEntry:
    return TableEntry(openml=0, rows=4, columns=4, classes=classes, file=file, **fields)  # type: ignore[arg-type]


def test_arff_file_is_filled_and_encoded(tmp_path: Path) -> None:
    path = tmp_path / "pets.arff.gz"
    path.write_bytes(gzip.compress(ARFF.encode()))
    table = prepare(read_mirror(path, entry(path.name)), is_regression=False)
    order = np.random.RandomState(42).permutation(4)
    raw = np.array([[4, 0, 1, 0], [2, 1, 0, 0], [2, 1, 0, 0], [0, 1, 0, 0]], np.float32)[order]
    expected = np.clip((raw - raw.mean(0)) / (raw.std(0) + 1e-5), -3, 3)
    np.testing.assert_allclose(table.x, expected, rtol=1e-6)
    assert table.y[:, 0].tolist() == np.array([1, 0, 0, 1])[order].tolist()


def test_text_file_takes_target_and_drops_columns(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("id,speed,price,make\n1,5,10,a\n2,7,20,b\n3,9,60,a\n")
    frame = read_mirror(path, entry(path.name, 0, header=True, target="price", drop=(0,)))
    assert list(frame) == ["speed", "make", "target"]
    table = prepare(frame, is_regression=True)
    assert table.x.shape == (3, 3)
    assert table.y.mean() == pytest.approx(0, abs=1e-6)
    assert table.y.std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("empty", [[np.nan] * 4, [None] * 4])
def test_column_without_any_value_is_constant(empty: list[float | None]) -> None:
    """Among the authors' tables, `sick` has one."""
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "empty": empty, "target": [0, 1, 0, 1]})
    table = prepare(frame, is_regression=False)
    assert np.isfinite(table.x).all()
    assert not table.x[:, 1].any()


def test_more_than_two_classes_are_one_hot_and_rows_are_at_most_5000() -> None:
    rows = np.arange(6_000)
    table = prepare(pd.DataFrame({"a": rows, "target": rows % 3}), is_regression=False)
    assert table.x.shape == (5_000, 1)
    assert table.y.shape == (5_000, 3)
    assert (table.y.sum(1) == 1).all()
    largest = prepare(
        pd.DataFrame({"a": [0] * 99 + [1], "target": [0, 1] * 50}), is_regression=False
    )
    assert largest.x.max() == 3  # clipped


def test_wdbc_is_a_table_that_comes_along() -> None:
    table = BENCHMARKS["tabular/wdbc"].open()
    assert isinstance(table, Table)
    assert table.x.shape == (569, 30)
    assert table.y.sum() == 212  # malignant
    assert len(table[0][0]) == 30


def test_folds_have_every_row_once() -> None:
    folds = list(split_folds(569))
    assert np.sort(np.concatenate([test for _, test in folds])).tolist() == list(range(569))
    assert all(set(train).isdisjoint(test) for train, test in folds)


def test_table_that_is_not_there_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"needs .*tabular.diabetes\.parquet"):
        BENCHMARKS["tabular/diabetes"].open(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="needs a folder of data"):
        BENCHMARKS["tabular/diabetes"].open()


def test_table_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tabular").mkdir()
    frame = pd.DataFrame({"a": range(5), "target": [0, 1, 0, 1, 0]})
    frame.to_parquet(tmp_path / "tabular" / "diabetes.parquet")
    with pytest.raises(
        DatasetNotFoundError, match=r"has 768 rows, 8 columns and 1 targets; .* 5, 1"
    ):
        BENCHMARKS["tabular/diabetes"].open(tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", table_entries())
def test_every_table_of_the_folder_has_its_size(name: str, zoo_data: Path) -> None:
    BENCHMARKS[f"tabular/{name}"].open(zoo_data)
