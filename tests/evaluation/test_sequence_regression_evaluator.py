"""The evaluator of sequences: NRMSE, memory capacity, steps that are left out."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.sequences import Sequences
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import SequenceProtocol

TASK = tasks.TASKS["sequence-regression"]


def run(network: nn.Module, samples: Sequences, washout: int = 0) -> Any:
    benchmark = BENCHMARKS["sequences/narma30"]
    protocol = SequenceProtocol(washout=washout)
    return evaluate(TASK.evaluator(network, samples, protocol, benchmark))


def test_nrmse_is_over_all_series_and_scored_steps() -> None:
    x = np.random.RandomState(0).randn(3, 20, 2)
    y = x + 1
    y[:, :5] = 1e6
    result = run(nn.Identity(), Sequences(x, y), washout=5)
    expected = np.sqrt(1 / np.mean(y[:, 5:] ** 2))
    assert result == {
        "samples": 3,
        "scores": {"nrmse": {"value": pytest.approx(expected, rel=1e-6)}},
        "parts": {},
    }


class Last(nn.Module):
    """Outputs: the input scaled and shifted, noise, and a constant."""

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        return torch.cat((3 * x + 7, noise, torch.ones_like(x)), -1)


def test_memory_capacity_is_the_sum_of_squared_correlations() -> None:
    x = np.random.RandomState(1).uniform(-1, 1, (1, 500, 1))
    samples = Sequences(x, np.repeat(x, 3, 2), "memory_capacity")
    noise = Last()(torch.from_numpy(x).float())[0, 100:, 1]
    shared = np.corrcoef(noise, x[0, 100:, 0])[0, 1] ** 2
    value = run(Last(), samples, washout=100)["scores"]["memory_capacity"]["value"]
    assert value == pytest.approx(1 + shared, rel=1e-5)


def test_output_that_is_not_finite_stops_the_run() -> None:
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, torch.nan)
    with pytest.raises(NonFiniteOutputError, match="series 0"):
        run(network, Sequences(np.ones((1, 4, 1)), np.ones((1, 4, 1))))


def test_washout_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="washout is 0 or more, not -1"):
        SequenceProtocol(washout=-1)


def test_contents_depend_on_the_series() -> None:
    one, two = (np.full((1, 4, 1), value) for value in (1.0, 2.0))
    evaluators = [
        TASK.evaluator(nn.Identity(), Sequences(x, x), SequenceProtocol(), None)  # type: ignore[arg-type]
        for x in (one, two, one)
    ]
    first, second, again = (evaluator.contents() for evaluator in evaluators)
    assert first == again != second


def test_card_texts_name_values_and_washout() -> None:
    assert TASK.describe_protocol({"washout": 7}) == "all steps of the test series but the first 7"
    assert TASK.preprocessing({"input_size": (1, 5)})[0].startswith("5 values at each step")
