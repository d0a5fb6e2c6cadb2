"""The evaluator of tables: error and RMSE on a fold's rows, and what it refuses."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tabular import Table, split_folds
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import TabularProtocol
from zoo.training.tabular import fit_folds, recipe_of

TASK = tasks.TASKS["tabular"]


def run(network: nn.Module, table: Table, benchmark: str, fold: int = 0) -> Any:
    protocol = TabularProtocol(fold=fold)
    return evaluate(TASK.evaluator(network, table, protocol, BENCHMARKS[benchmark]))


def test_error_on_a_fold_equals_the_score_of_its_fit() -> None:
    table: Any = BENCHMARKS["tabular/wdbc"].open()
    folds = fit_folds(recipe_of("rfnn"), "wdbc", table, is_regression=False)
    for number, fold in enumerate(folds, 1):
        result = run(fold.network, table, "tabular/wdbc", number)
        assert result["scores"]["error"]["value"] == pytest.approx(fold.score)
        assert result["samples"] == len(list(split_folds(569))[number - 1][1])


def test_several_classes_and_numbers_are_scored_on_all_rows() -> None:
    x = np.random.RandomState(0).randn(30, 4).astype(np.float32)
    network = nn.Identity()
    result = run(network, Table(x, np.eye(4, dtype=np.float32)[x.argmax(1)]), "tabular/car")
    assert result["scores"]["error"]["count"] == 0
    result = run(network, Table(x[:, :1], x[:, :1] + 2), "tabular/kin8nm")
    assert result["scores"] == {"rmse": {"value": pytest.approx(2)}}


def test_output_that_is_not_finite_stops_the_run() -> None:
    table: Any = BENCHMARKS["tabular/wdbc"].open()
    network = nn.Linear(30, 1)
    nn.init.constant_(network.weight, torch.nan)
    with pytest.raises(NonFiniteOutputError):
        run(network, table, "tabular/wdbc", 1)


def test_fold_is_one_of_the_table() -> None:
    with pytest.raises(ValueError, match="a fold is 1 or more, or 0 for all rows, not -1"):
        TabularProtocol(fold=-1)
    table: Any = BENCHMARKS["tabular/wdbc"].open()
    with pytest.raises(ValueError, match="the table has 5 folds, not 6"):
        run(nn.Linear(30, 1), table, "tabular/wdbc", 6)


def test_card_texts_name_columns_and_fold() -> None:
    assert TASK.describe_protocol({"fold": 2}) == "the test rows of fold 2"
    assert TASK.preprocessing({"input_size": (30,)})[0].startswith("30 numbers a row")
