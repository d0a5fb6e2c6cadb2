"""Classification by networks that score each sample themselves, beside its class.

sample -> forward_scored(x, labels) -> logits, {metric: (B,)} -> means over the samples

Such a network has a method forward_scored: what it costs to classify an image (1711.09485), or
whether a perturbation may change the class (2301.12549).
"""

from collections.abc import Iterator
from typing import Any

import torch

from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.classification import TOP, ClassificationEvaluator
from zoo.evaluation.samples import NonFiniteOutputError, sample_name


class ScoredEvaluator(ClassificationEvaluator):
    """A classifier with `forward_scored` on labelled samples, one crop each.

    A prediction ends with the sample's scores by metric. Raises ValueError for several crops.
    """

    takes_backend = False

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        crops = [tensors[0] for _, (tensors, _) in batch]
        if any(len(tensors) > 1 or len(tensors[0]) > 1 for _, (tensors, _) in batch):
            raise ValueError(
                f"a {type(self.network).__name__} is evaluated on one crop of an image, not several"
            )
        x = torch.cat(crops).to(self.device, self.dtype, memory_format=self.layout)
        network: Any = self.network
        logits, scores = network.forward_scored(x, [label for _, (_, label) in batch])
        top = self._rank(logits.float())[:, :TOP].tolist()
        for i, (index, (_, label)) in enumerate(batch):
            own = {name: values[i].item() for name, values in scores.items()}
            if not logits[i].isfinite().all():
                raise NonFiniteOutputError(sample_name(self.samples, index))
            yield index, top[i], label, own

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return the errors of a classifier, and the mean of each metric."""
        record = super().compute({i: values[:2] for i, values in predictions.items()})
        own = [values[2] for values in predictions.values()]
        means = {name: {"value": sum(s[name] for s in own) / len(own)} for name in own[0]}
        return record | {"scores": record["scores"] | means}
