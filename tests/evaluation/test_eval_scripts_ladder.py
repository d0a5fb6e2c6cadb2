"""eval/ladder_overlap.py: the simulated overlap, and a run on two processes."""

import argparse

import pytest

from eval.ladder_overlap import BOUND, LADDER, STANDARD, measured, simulated


@pytest.mark.parametrize(
    ("compute", "communication", "standard", "ladder"),
    [
        (2.0, 1.0, 30.0, 21.0),  # hidden but for the last
        (1.0, 1.0, 20.0, 11.0),
        (1.0, 2.0, 30.0, 21.0),  # the link is never idle but at first
        (1.0, 0.0, 10.0, 10.0),
    ],
)
def test_simulated_overlap_hides_shorter_of_both(
    compute: float, communication: float, standard: float, ladder: float
) -> None:
    assert simulated(compute, communication, 10, ladder=False) == standard
    assert simulated(compute, communication, 10, ladder=True) == ladder


@pytest.mark.slow
def test_measured_two_processes_give_rows_for_each_link() -> None:
    """What a slow link adds to a standard transformer, it adds to each of its eight sums."""
    sizes = {"layers": 4, "width": 128, "batch": 2, "tokens": 3, "rounds": 2}
    rows = measured(argparse.Namespace(**sizes, links=[0.0, 20.0]))
    assert [row["who"] for row in rows] == 2 * [BOUND, STANDARD, LADDER]
    assert rows[4]["seconds"] > 8 * 0.02
    assert rows[4]["ratio"] == 1.0
    assert all(row["simulated"] > 0 for row in rows)
    assert rows[5]["simulated"] < rows[4]["simulated"]
