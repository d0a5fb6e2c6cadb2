"""A damaged log is named, or computed again; it never ends in a traceback."""

from pathlib import Path

import pytest

from tests.evaluation.test_engine import Squares, run


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"[" * 200_000])
def test_run_evaluation_damaged_setting_is_named(content: bytes, tmp_path: Path) -> None:
    run(Squares(4), folder=tmp_path)
    (tmp_path / "setting.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"setting\.json is no setting of an evaluation"):
        run(Squares(4), folder=tmp_path)


def test_run_evaluation_damaged_log_is_computed_again(tmp_path: Path) -> None:
    run(Squares(4), folder=tmp_path)
    (tmp_path / "answers-0.jsonl").write_bytes(b"\xff\xfe\n[0, 0]\n" + b"[" * 200_000)
    evaluator = Squares(4)
    assert run(evaluator, folder=tmp_path).predictions == {i: (i**2,) for i in range(4)}
    assert [index for batch in evaluator.predicted for index in batch] == [1, 2, 3]
