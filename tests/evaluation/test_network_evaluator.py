"""What evaluators of samples as they are share: mode, precision, order, contents."""

from pathlib import Path

import pytest
import torch
from torch import nn

from zoo.data.contents import samples_digest
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.evaluators.network import NetworkEvaluator


class Samples:
    def __init__(self, *files: Path) -> None:
        self.files = files


@pytest.fixture
def evaluator(tmp_path: Path) -> NetworkEvaluator:
    (tmp_path / "a.txt").write_text("a")
    made = NetworkEvaluator()
    made.network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    made.samples = Samples(tmp_path / "a.txt")
    return made


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_prepared_network_answers_in_precision_without_dropout(
    evaluator: NetworkEvaluator, precision: str, dtype: torch.dtype
) -> None:
    evaluator.prepare(torch.device("cpu"), EvalConfig(precision=precision))
    with evaluator.autocast:
        first, second = (evaluator.network(torch.ones(64, 2)) for _ in range(2))
    assert first.dtype == dtype
    assert torch.equal(first, second)


def test_batches_are_in_order_and_contents_are_of_samples(evaluator: NetworkEvaluator) -> None:
    assert list(evaluator.batches([4, 5, 6], 2)) == [[4, 5], [6]]
    before = evaluator.contents()
    assert before == samples_digest(evaluator.samples)
    evaluator.samples.files[0].write_text("b")
    assert evaluator.contents() != before
