"""Images in, classes out: the five best of each, and how many are right.

image -> what is shown of it -> network -> (index, five best classes, true class)
"""

from collections.abc import Callable, Iterator, Sequence
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
from zoo.verdicts import interval

BEST = 5
FEW = 100  # wrong answers that a record names
Show = Callable[[Image.Image], list[Tensor]]  # each (crops, C, H, W)


class Classes:
    """A classifier, and images with their labels; `show` makes tensors of an image."""

    batch_size = 128

    def __init__(self, network: nn.Module, samples: Samples, show: Show) -> None:
        self.network, self.samples, self.show = network, samples, show
        self.size, self.classes = len(samples), int(vars(network)["num_classes"])

    def ready(self, device: torch.device, how: How) -> None:
        """Puts the network where it runs."""
        self.device, self.dtype = device, how.dtype
        self.layout = torch.channels_last if how.channels_last else torch.contiguous_format
        network = self.network.to(device, how.dtype).to(memory_format=self.layout).eval()
        self.network = cast(nn.Module, torch.compile(network)) if how.compile else network

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
        for (index, (_, label)), classes in zip(batch, best, strict=True):
            yield index, classes, label

    def scores(self, found: Answers) -> dict[str, Any]:
        """Errors of the first answer and, of more than ten classes, of the first five, in percent;
        few wrong ones by name."""
        missed = {i: best[0] for i, (best, label) in found.items() if best[0] != label}
        scores = {"error": share(len(missed), len(found))}
        if self.classes > 2 * BEST:
            five = sum(label not in best for best, label in found.values())
            scores["top5_error"] = share(five, len(found))
        named = {str(index): missed[index] for index in sorted(missed)}
        parts = {"wrong": named} if len(missed) <= FEW else {}
        return {"samples": len(found), "scores": scores, "parts": parts}


def share(wrong: int, total: int) -> dict[str, Any]:
    """A share of wrong answers in percent, with Wilson's interval."""
    limits = [round(limit, 4) for limit in interval(wrong, total)]
    return {"value": 100 * wrong / total, "interval": limits, "count": wrong, "total": total}
