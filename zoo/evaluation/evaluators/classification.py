"""Classification of images, sounds or series: top-1 and top-5 error.

sample -> transform -> network, mean over crops -> (index, best classes, label[, best in fp32])
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.benchmarks import Dataset
from zoo.data.contents import samples_digest
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.backends import COMPARED, by_backend, changed, reference
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions, batched
from zoo.evaluation.samples import (
    NonFiniteOutputError,
    UnreadableSampleError,
    read_sample,
    sample_name,
)
from zoo.evaluation.statistics import wilson_interval
from zoo.inference.optimize.fold_batchnorm import fold

TOP = 5
MAX_PIXELS = 16 * 224 * 224  # per batch on a CPU: larger ones take memory, and are no faster
MAX_NAMED = 100  # wrong predictions that a record lists
Transform = Callable[[Any], list[Tensor]]  # sample -> [(crops, C, H, W), ...]


def average_crops(model: nn.Module, samples: Sequence[list[Tensor]]) -> Tensor:
    """Return scores (B, classes): the mean probability over all crops of each sample.

    Samples of a single crop keep their logits, which rank classes alike.
    """
    if all(len(tensors) == 1 and len(tensors[0]) == 1 for tensors in samples):
        logits: Tensor = model(torch.cat([tensors[0] for tensors in samples]))
        return logits.float()
    return torch.stack(
        [torch.cat([model(t).float().softmax(1) for t in tensors]).mean(0) for tensors in samples]
    )


class ClassificationEvaluator:
    """A classifier on labelled samples.

    Args:
        network: with `num_classes` logits.
        samples: (image or sound, label) by index.
        transform: makes the network's input from an image or a sound.
        subset: the classes to choose from; None for all.

    A label is a class, or a list of the classes that are right.
    """

    batch_size = 128
    takes_backend = True

    def __init__(
        self,
        network: nn.Module,
        samples: Dataset,
        transform: Transform,
        subset: Sequence[int] | None = None,
    ) -> None:
        self.network, self.samples, self.transform = network, samples, transform
        self.subset = list(subset) if subset else None
        self.size, self.classes = len(samples), int(vars(network)["num_classes"])

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        """Make the network fast for this device. The given module itself stays as it is."""
        self.device, self.dtype = device, config.dtype
        network = self.network.to(device).eval()
        example = self._example()
        is_image = example is not None and example.dim() == 4
        channels_last = is_image and not config.eager
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        if device.type == "cpu" and example is not None:
            self.batch_size = min(self.batch_size, max(1, MAX_PIXELS // example[0, 0].numel()))
        if not config.eager and example is not None:
            network = copy.deepcopy(network, {id(p): p for p in network.parameters()})
            fold(network, example.to(device))
        network = network.to(memory_format=self.layout)
        self.reference = reference(network, config)
        if config.backend != "eager" and example is not None:
            batch = example.expand(
                min(self.size, config.batch_size or self.batch_size), *example[0].shape
            )
            self.network = by_backend(network, batch.to(device), config)
        else:
            self.network = network.to(self.dtype)

    def _example(self) -> Tensor | None:
        """Return one crop of the first sample that can be read."""
        for index in range(self.size):
            with suppress(UnreadableSampleError):
                return self.load(index)[0][0][:1]
        return None

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def contents(self) -> str:
        """Return the sha256 of what the samples are read from."""
        return samples_digest(self.samples)

    def _is_class(self, label: Any) -> bool:
        is_number = isinstance(label, int | np.integer) and not isinstance(label, bool)
        return is_number and 0 <= label < self.classes

    def load(self, index: int) -> tuple[list[Tensor], int | list[int]]:
        """Return the input tensors and the label of a sample. Raises UnreadableSampleError."""
        sample, label = read_sample(self.samples, index)
        if not all(self._is_class(each) for each in _labels(label)):
            raise UnreadableSampleError(
                f"{sample_name(self.samples, index)} has the label {label!r}; "
                f"the network has 0..{self.classes - 1}"
            )
        try:
            return self.transform(sample), label if isinstance(label, list) else int(label)
        except OSError as error:  # images of a folder are decoded when they are first used
            raise UnreadableSampleError(
                f"{sample_name(self.samples, index)} cannot be read: {error}"
            ) from None

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        inputs = [
            [t.to(self.device, self.dtype, memory_format=self.layout) for t in tensors]
            for _, (tensors, _) in batch
        ]
        scores = average_crops(self.network, inputs)
        for (index, _), finite in zip(batch, scores.isfinite().all(1).tolist(), strict=True):
            if not finite:
                raise NonFiniteOutputError(sample_name(self.samples, index))
        top = self._rank(scores)[:, :TOP].tolist()
        fp32 = self._predict_reference({index: tensors for index, (tensors, _) in batch})
        for (index, (_, label)), classes in zip(batch, top, strict=True):
            yield index, classes, label, *([fp32[index]] if index in fp32 else [])

    def _rank(self, scores: Tensor) -> Tensor:
        """Return the classes, best first, of the subset alone if there is one."""
        if self.subset is None:
            return top_classes(scores)
        subset = torch.tensor(self.subset, device=scores.device)
        return subset[top_classes(scores[:, subset])]

    def _predict_reference(self, samples: dict[int, list[Tensor]]) -> dict[int, int]:
        """Return the top-1 class in fp32 by torch of the first samples, where that is another."""
        first = {index: tensors for index, tensors in samples.items() if index < COMPARED}
        if self.reference is None or not first:
            return {}
        inputs = [[t.to(self.device, memory_format=self.layout) for t in s] for s in first.values()]
        classes = self._rank(average_crops(self.reference, inputs))[:, 0].tolist()
        return dict(zip(first, classes, strict=True))

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return top-1 error, top-5 error of more than ten classes, and up to 100 wrong classes."""
        total = len(predictions)
        wrong = {
            i: top[0] for i, (top, label, *_) in predictions.items() if top[0] not in _labels(label)
        }
        scores = {"error": error_rate(len(wrong), total)}
        if self.classes > 2 * TOP:
            top5_wrong = sum(
                not set(_labels(label)) & set(top) for top, label, *_ in predictions.values()
            )
            scores["top5_error"] = error_rate(top5_wrong, total)
        named = {str(index): wrong[index] for index in sorted(wrong)}
        parts = {"wrong": named} if len(wrong) <= MAX_NAMED else {}
        compared = [(top[0], fp32[0]) for top, _, *fp32 in predictions.values() if fp32]
        return {
            "samples": total,
            "scores": scores,
            "parts": parts,
            **changed(compared),
        }


def _labels(label: Any) -> list[Any]:
    """Return the classes that are right."""
    return label if isinstance(label, list) else [label]


def top_classes(scores: Tensor) -> Tensor:
    """Return the classes of (B, classes), best first; of equal scores the lower class is first."""
    return scores.sort(dim=1, descending=True, stable=True).indices


def error_rate(wrong: int, total: int) -> dict[str, Any]:
    """Return a record's score: the error in percent, with Wilson's interval."""
    interval = [round(limit, 4) for limit in wilson_interval(wrong, total)]
    return {"value": 100 * wrong / total, "interval": interval, "count": wrong, "total": total}
