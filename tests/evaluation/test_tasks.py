"""Tasks: every network and benchmark has one, by its name."""

import pytest

from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.tasks import TASKS
from zoo.models._registry import model_entries
from zoo.papers.loading import load_papers


def test_networks_benchmarks_and_papers_have_known_tasks() -> None:
    named = {entry.task for entry in model_entries().values()}
    named |= {benchmark.task for benchmark in BENCHMARKS.values()}
    named |= {paper.task for paper in load_papers()}
    assert named == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_task_is_found_by_its_name(name: str) -> None:
    assert TASKS[name].name == name
