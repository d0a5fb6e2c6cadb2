"""Pairs of images in, PSNR and SSIM on Y out.

small image -> network, by a protocol -> against the large one -> (index, name, PSNR, SSIM)
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from zoo.benchmarks.scores import Score
from zoo.benchmarks.super_resolution import mean, scores
from zoo.details import Upscaling
from zoo.evaluation.engine import Answers, side_by_side
from zoo.evaluation.how import How
from zoo.evaluation.log import Entry
from zoo.evaluation.samples import read
from zoo.verdicts import t_interval

MOST = (math.inf, 1.0)  # that a PSNR, and an SSIM, can be


class Enlargements:
    """A network that enlarges by `scale`, and pairs of images, by a protocol."""

    batch_size = 1

    def __init__(self, network: nn.Module, pairs: Any, protocol: Upscaling, scale: int) -> None:
        self.network, self.pairs, self.protocol, self.scale = network, pairs, protocol, scale
        self.size = len(pairs)

    def ready(self, device: torch.device, how: How) -> None:
        """Puts the network where it runs."""
        if how.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU enlarges in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.cast = torch.autocast(device.type, how.dtype, enabled=how.precision != "fp32")

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return side_by_side(indices, size)

    def load(self, index: int) -> Any:
        return read(self.pairs, index)

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Entry]:
        for index, pair in batch:
            with self.cast:
                found = scores(self.network, [pair], self.protocol, self.scale)
            ((name, score),) = found.items()
            yield index, name, *score

    def scores(self, found: Answers) -> dict[str, Any]:
        return means(found)


def means(found: Answers) -> dict[str, Any]:
    """The means over images of (name, PSNR, SSIM), as papers print them, and every image's own."""
    images = {found[i][0]: Score(*found[i][1:]) for i in sorted(found)}
    return {
        "samples": len(images),
        "scores": {
            metric: _mean(value, [getattr(score, metric) for score in images.values()], most)
            for (metric, value), most in zip(mean(images)._asdict().items(), MOST, strict=True)
        },
        "parts": {name: score._asdict() for name, score in images.items()},
    }


def _mean(value: float, values: list[float], most: float) -> dict[str, Any]:
    """A mean with Student's interval, of the images as a sample of all that could be."""
    if len(values) < 2:
        return {"value": value}
    low, high = t_interval(values)
    return {"value": value, "interval": [round(low, 6), round(min(high, most), 6)]}
