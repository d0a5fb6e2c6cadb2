"""eval/reversible_memory.py: the ways of keeping activations that it compares."""

import pytest

from eval.reversible_memory import SUBJECTS, rows_of
from tests.support.patching import replace_everywhere


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_rows_compare_gradients_of_each_way_of_keeping(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_everywhere(monkeypatch, "eval.speed.peak_bytes", lambda run: 10**9)
    subject = SUBJECTS[name]
    rows = rows_of(subject, 1, batch=2, pixels=64)
    assert [row["who"] for row in rows] == [f"{kept} kept" for kept in subject.kept]
    assert {row["ratio"] for row in rows} == {1.0}
    assert all(0 < row["error"] < 1e-3 for row in rows)
