"""Published runs taken again here give the scores on record."""

from pathlib import Path

import pytest

from eval import second_machine
from eval.second_machine import benchmark_of, quick_runs, recorded, take_again
from zoo.evaluation import ledger

ONE_SEED = {(run["recipe"], benchmark_of(run)): run for run in quick_runs()}


def test_fits_to_the_table_that_comes_along_score_as_on_record() -> None:
    runs = [run for run in quick_runs() if benchmark_of(run) == "tabular/wdbc"]
    assert len(runs) >= 4
    for run in runs:
        (pair,) = take_again(run, None)
        assert pair.difference <= pair.allowed, pair


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    "run", ONE_SEED.values(), ids=lambda run: f"{run['recipe']}-{run['id'][:6]}"
)
def test_runs_score_as_on_record(run: ledger.Record, zoo_data: Path) -> None:
    for pair in take_again(run, zoo_data):
        assert pair.difference <= pair.allowed, pair


def test_what_was_written_is_of_the_runs_on_record() -> None:
    """A run that was published since is missing; what is there must be the record's own digits."""
    on_record = set()
    for run in ledger.published().records():
        if run["kind"] == "training":
            for benchmark, entry in run["benchmarks"].items():
                name = f"{run['recipe']} on {benchmark}, seed {run['seed']}"
                on_record |= {(name, m, s["value"]) for m, s in entry["scores"].items()}
    pairs = recorded()
    assert len(pairs) > 100
    assert all((pair.run, pair.metric, pair.recorded) in on_record for pair in pairs)


def test_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = [
        run for run in quick_runs() if (run["model"], benchmark_of(run)) == ("rfnn", "tabular/wdbc")
    ]
    scores = {"tabular/wdbc": {"scores": {"error": {"value": 2.9}}}}
    monkeypatch.setattr(second_machine, "fit_record", lambda *args: {"benchmarks": scores})
    (pair,) = take_again(run, None)
    assert pair.difference > pair.allowed
