"""Tables: error, or RMSE of the standardized target, of a network on the rows of a fold.

row -> network -> class, or number -> (index, predicted, target)
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.tabular import Table
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.classification import error_rate
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import TabularProtocol


class TabularEvaluator(NetworkEvaluator):
    """A network of a table, on the rows of one fold."""

    batch_size = 1024

    def __init__(
        self, network: nn.Module, table: Table, protocol: TabularProtocol, *, classes: int
    ) -> None:
        self.network, self.samples, self.classes = network, table, classes
        self.rows = np.arange(len(table))
        if protocol.fold:
            if protocol.fold > len(table.folds):
                raise ValueError(f"the table has {len(table.folds)} folds, not {protocol.fold}")
            _, self.rows = table.folds[protocol.fold - 1]
        self.size = len(self.rows)

    def load(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.samples[int(self.rows[index])]

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        x = torch.from_numpy(np.stack([row for _, (row, _) in batch])).to(self.device)
        y = torch.from_numpy(np.stack([target for _, (_, target) in batch]))
        with self.autocast:
            output = self.network(x).float().cpu()
        if not output.isfinite().all():
            raise NonFiniteOutputError(f"row {batch[0][0]}")
        answers, targets = self._answer(output, 0), self._answer(y, 0.5)
        for (index, _), answer, target in zip(batch, answers, targets, strict=True):
            yield index, answer, target

    def _answer(self, values: Tensor, threshold: float) -> list[Any]:
        """Return a number, or a class, for each row: of one logit by a threshold."""
        if not self.classes:
            return values[:, 0].tolist()
        if values.shape[1] == 1:
            return (values[:, 0] > threshold).long().tolist()
        return values.argmax(1).tolist()

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        predicted, targets = np.array(list(predictions.values())).T
        total = len(predicted)
        if not self.classes:
            rmse = float(np.sqrt(np.mean((predicted - targets) ** 2)))
            return {"samples": total, "scores": {"rmse": {"value": rmse}}}
        wrong = int((predicted != targets).sum())
        return {"samples": total, "scores": {"error": error_rate(wrong, total)}}
