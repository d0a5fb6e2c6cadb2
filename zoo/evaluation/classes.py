"""Images in, classes out: the five best of each, and how many are right.

image -> what is shown of it -> network -> (index, five best classes, true class)

In another precision than fp32 the first samples are answered in fp32 too, and their best class
there is told.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import torch
from PIL import Image
from torch import Tensor, nn

from zoo.benchmarks import Samples
from zoo.benchmarks.views import answers
from zoo.evaluation.engine import Answers, side_by_side
from zoo.evaluation.how import How
from zoo.evaluation.log import Entry
from zoo.evaluation.samples import BrokenError, read, where
from zoo.optimizing.folding import fold
from zoo.verdicts import interval

BEST = 5
PIXELS = 16 * 224 * 224  # in a batch on a CPU: more of them take memory, and are no faster
FEW = 100  # wrong answers that a record names
COMPARED = 100  # samples that another precision answers in fp32 too
Show = Callable[[Image.Image], list[Tensor]]  # each (crops, C, H, W)


class Classes:
    """A classifier, and images with their labels; `show` makes tensors of an image."""

    batch_size = 128

    def __init__(self, network: nn.Module, samples: Samples, show: Show) -> None:
        self.network, self.samples, self.show = network, samples, show
        self.size, self.classes = len(samples), int(vars(network)["num_classes"])

    def ready(self, device: torch.device, how: How) -> None:
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
            with suppress(BrokenError):
                return self.load(index)[0][0][:1]
        return None

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return side_by_side(indices, size)

    def load(self, index: int) -> tuple[list[Tensor], int]:
        """What is shown of an image, and its label. Raises BrokenError."""
        image, label = read(self.samples, index)
        if not 0 <= label < self.classes:
            at = where(self.samples, index)
            raise BrokenError(f"{at} has the label {label}; the network has 0..{self.classes - 1}")
        try:
            return self.show(image), int(label)
        except OSError as error:  # images of a folder are decoded when they are first used
            raise BrokenError(f"{where(self.samples, index)} cannot be read: {error}") from None

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Entry]:
        shown = [
            [t.to(self.device, self.dtype, memory_format=self.layout) for t in tensors]
            for _, (tensors, _) in batch
        ]
        scores = answers(self.network, shown)
        best = scores.topk(min(BEST, scores.shape[1]), 1).indices.tolist()
        exact = self._exactly({index: tensors for index, (tensors, _) in batch if index < COMPARED})
        for (index, (_, label)), classes in zip(batch, best, strict=True):
            yield index, classes, label, *([exact[index]] if index in exact else [])

    def _exactly(self, seen: dict[int, list[Tensor]]) -> dict[int, int]:
        """The best class of each in fp32, if the answers are in another precision."""
        if self.exact is None or not seen:
            return {}
        shown = [[t.to(self.device, memory_format=self.layout) for t in s] for s in seen.values()]
        best = answers(self.exact, shown).argmax(1).tolist()
        return dict(zip(seen, best, strict=True))

    def scores(self, found: Answers) -> dict[str, Any]:
        """Errors of the first answer and, of more than ten classes, of the first five, in percent;
        few wrong ones by name."""
        missed = {i: best[0] for i, (best, label, *_) in found.items() if best[0] != label}
        scores = {"error": share(len(missed), len(found))}
        if self.classes > 2 * BEST:
            five = sum(label not in best for best, label, *_ in found.values())
            scores["top5_error"] = share(five, len(found))
        named = {str(index): missed[index] for index in sorted(missed)}
        parts = {"wrong": named} if len(missed) <= FEW else {}
        exact = [(best[0], *other) for best, _, *other in found.values() if other]
        changed = {"count": sum(a != b for a, b in exact), "total": len(exact)}
        told = {"changed": changed} if exact else {}
        return {"samples": len(found), "scores": scores, "parts": parts, **told}


def share(wrong: int, total: int) -> dict[str, Any]:
    """A share of wrong answers in percent, with Wilson's interval."""
    limits = [round(limit, 4) for limit in interval(wrong, total)]
    return {"value": 100 * wrong / total, "interval": limits, "count": wrong, "total": total}
