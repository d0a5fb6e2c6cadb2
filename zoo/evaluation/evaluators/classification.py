"""Images in, classes out: every sample once, by index."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import torch
from PIL import Image
from torch import Tensor, nn

from zoo.data.benchmarks import Dataset
from zoo.data.transforms import Transform
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Predictions, batched
from zoo.evaluation.samples import UnreadableSampleError, read_sample, sample_name
from zoo.evaluation.statistics import wilson_interval
from zoo.inference.optimize.fold_batchnorm import fold


@torch.inference_mode()
def predict(
    model: nn.Module,
    prepare: Transform,
    samples: Dataset,
    indices: Sequence[int],
    *,
    batch_size: int = 128,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[int, tuple[int, int]]:
    """{index: (predicted, true)} for the samples at `indices`, in eval mode, on the model's device.

    `advance` hears how many images each batch had.
    """
    device = next(model.parameters()).device
    model.eval()
    found: dict[int, tuple[int, int]] = {}
    for start in range(0, len(indices), batch_size):
        chosen = indices[start : start + batch_size]
        pairs = [samples[i] for i in chosen]
        logits = model(torch.stack([prepare(image) for image, _ in pairs]).to(device))
        classes = logits.argmax(1).tolist()
        found |= {
            i: (predicted, label)
            for i, predicted, (_, label) in zip(chosen, classes, pairs, strict=True)
        }
        advance(len(chosen))
    return found


def average_crops(model: nn.Module, shown: Sequence[list[Tensor]]) -> Tensor:
    """Scores of a batch of images, (B, classes): the mean over all that is shown of each.

    A tensor of one crop alone keeps its logits, whose order is that of its softmax.
    """
    if all(len(tensors) == 1 and len(tensors[0]) == 1 for tensors in shown):
        logits: Tensor = model(torch.cat([tensors[0] for tensors in shown]))
        return logits.float()
    return torch.stack(
        [torch.cat([model(t).float().softmax(1) for t in tensors]).mean(0) for tensors in shown]
    )


BEST = 5
PIXELS = 16 * 224 * 224  # in a batch on a CPU: more of them take memory, and are no faster
FEW = 100  # wrong answers that a record names
COMPARED = 100  # samples that another precision answers in fp32 too
Transforms = Callable[[Image.Image], list[Tensor]]  # each (crops, C, H, W)


class ClassificationEvaluator:
    """A classifier, and images with their labels; `show` makes tensors of an image."""

    batch_size = 128

    def __init__(self, network: nn.Module, samples: Dataset, show: Transforms) -> None:
        self.network, self.samples, self.show = network, samples, show
        self.size, self.classes = len(samples), int(vars(network)["num_classes"])

    def ready(self, device: torch.device, how: EvalConfig) -> None:
        """Makes a copy of the network that is fast where it runs; parameters that stay as they are
        it shares."""
        self.device, self.dtype = device, how.dtype
        self.layout = torch.contiguous_format if how.eager else torch.channels_last
        network = self.network.to(device).eval()
        example = self._example()
        if device.type == "cpu" and example is not None:
            self.batch_size = min(self.batch_size, max(1, PIXELS // example[0, 0].numel()))
        if not how.eager and example is not None:
            network = copy.deepcopy(network, {id(p): p for p in network.parameters()})
            fold(network, example.to(device))
        network = network.to(memory_format=self.layout)
        self.exact = copy.deepcopy(network) if self.dtype != torch.float32 else None
        network = network.to(self.dtype)
        self.network = cast(nn.Module, torch.compile(network)) if how.compile else network

    def _example(self) -> Tensor | None:
        """What is shown of the first sample that can be read."""
        for index in range(self.size):
            with suppress(UnreadableSampleError):
                return self.load(index)[0][0][:1]
        return None

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def load(self, index: int) -> tuple[list[Tensor], int]:
        """What is shown of an image, and its label. Raises BrokenError."""
        image, label = read_sample(self.samples, index)
        if not 0 <= label < self.classes:
            at = sample_name(self.samples, index)
            raise UnreadableSampleError(
                f"{at} has the label {label}; the network has 0..{self.classes - 1}"
            )
        try:
            return self.show(image), int(label)
        except OSError as error:  # images of a folder are decoded when they are first used
            raise UnreadableSampleError(
                f"{sample_name(self.samples, index)} cannot be read: {error}"
            ) from None

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]:
        shown = [
            [t.to(self.device, self.dtype, memory_format=self.layout) for t in tensors]
            for _, (tensors, _) in batch
        ]
        scores = average_crops(self.network, shown)
        best = scores.topk(min(BEST, scores.shape[1]), 1).indices.tolist()
        exact = self._exactly({index: tensors for index, (tensors, _) in batch if index < COMPARED})
        for (index, (_, label)), classes in zip(batch, best, strict=True):
            yield index, classes, label, *([exact[index]] if index in exact else [])

    def _exactly(self, seen: dict[int, list[Tensor]]) -> dict[int, int]:
        """The best class of each in fp32, if the answers are in another precision."""
        if self.exact is None or not seen:
            return {}
        shown = [[t.to(self.device, memory_format=self.layout) for t in s] for s in seen.values()]
        best = average_crops(self.exact, shown).argmax(1).tolist()
        return dict(zip(seen, best, strict=True))

    def scores(self, found: Predictions) -> dict[str, Any]:
        """Errors of the first answer and, of more than ten classes, of the first five, in percent;
        few wrong ones by name."""
        missed = {i: best[0] for i, (best, label, *_) in found.items() if best[0] != label}
        scores = {"error": error_rate(len(missed), len(found))}
        if self.classes > 2 * BEST:
            five = sum(label not in best for best, label, *_ in found.values())
            scores["top5_error"] = error_rate(five, len(found))
        named = {str(index): missed[index] for index in sorted(missed)}
        parts = {"wrong": named} if len(missed) <= FEW else {}
        exact = [(best[0], *other) for best, _, *other in found.values() if other]
        changed = {"count": sum(a != b for a, b in exact), "total": len(exact)}
        told = {"changed": changed} if exact else {}
        return {"samples": len(found), "scores": scores, "parts": parts, **told}


def error_rate(wrong: int, total: int) -> dict[str, Any]:
    """A share of wrong answers in percent, with Wilson's interval."""
    limits = [round(limit, 4) for limit in wilson_interval(wrong, total)]
    return {"value": 100 * wrong / total, "interval": limits, "count": wrong, "total": total}
