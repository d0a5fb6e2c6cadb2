"""`zoo data get tabular`: what scikit-learn returns of OpenML becomes the benchmarks' tables."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.catalog.builders import build_openml
from zoo.data.catalog.entries import get_dataset
from zoo.data.tabular import table_entries


def fetched(*, data_id: int, as_frame: bool, data_home: Path) -> Any:
    """A table as fetch_openml returns one: a category, and the target by itself."""
    assert as_frame
    kinds = pd.Categorical(["dog", None, "bird"] * 1_000, ["dog", "bird", "fish"])
    data = pd.DataFrame({"a": [float(data_id), 1.0, None] * 1_000, "kind": kinds})
    return SimpleNamespace(data=data, target=pd.Series([0, 1, 1] * 1_000))


def test_openml_tables_are_written_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetched)
    folder = tmp_path / "tabular"
    folder.mkdir()
    build_openml(get_dataset("tabular"), tmp_path, folder)
    expected = {name for name, entry in table_entries().items() if entry.file}
    assert {path.stem for path in folder.iterdir()} == expected
    assert {f"tabular/{name}" for name in expected} == set(get_dataset("tabular").benchmarks)
    written = pd.read_parquet(folder / "diabetes.parquet")
    assert list(written) == ["a", "kind", "target"]
    assert list(written["kind"].cat.categories) == ["dog", "bird", "fish"]
    with pytest.raises(DatasetNotFoundError, match=r"has 768 rows, .* is there has 3,000, 4 and 1"):
        BENCHMARKS["tabular/diabetes"].open(tmp_path)


def test_table_that_does_not_arrive_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> Any:
        raise OSError("no route to host")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", refuse)
    with pytest.raises(ValueError, match="kr-vs-kp did not arrive from OpenML: no route to host"):
        build_openml(get_dataset("tabular"), tmp_path, tmp_path)
