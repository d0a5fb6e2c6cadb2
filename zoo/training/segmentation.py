"""Segmentation of random crops, by binary cross-entropy and Dice (Eq. 2 of 1807.10165).

images and masks -> crops, mirrored and rotated -> network -> the losses of its heads, added up
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.training.objective import Batch, DrawnEpochs, random_index

SMOOTH = 1.0  # added to both sides of Dice's fraction, as in the authors' code: masks may be empty


@dataclass(frozen=True)
class Segmentation:
    """Half of the binary cross-entropy, plus one less Dice; of each head of a network."""

    size: int = 96  # side of a crop in pixels
    steps: int = 100  # batches in an epoch
    metric = "pixel error"  # wrong pixels of the last head, in percent

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "MaskedCrops":
        samples: Any = BENCHMARKS[dataset].open(data)
        return MaskedCrops(self, [samples[i].tensors() for i in range(len(samples))], batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        heads = torch.split(output, target.shape[1], 1)
        return torch.stack([self._head_loss(logits, target) for logits in heads]).sum()

    def _head_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        entropy = F.binary_cross_entropy_with_logits(logits, target)
        predicted, actual = logits.sigmoid().flatten(1), target.flatten(1)
        both, areas = (predicted * actual).sum(1), predicted.sum(1) + actual.sum(1)
        return entropy / 2 + 1 - ((2 * both + SMOOTH) / (areas + SMOOTH)).mean()

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        last = output[:, -target.shape[1] :]
        return 100 * ((last > 0) != target.bool()).float().mean().item() * len(target)


class MaskedCrops(DrawnEpochs):
    """Crops of the images that are large enough, in eight orientations."""

    def __init__(
        self, objective: Segmentation, images: list[tuple[Tensor, Tensor]], batch_size: int
    ) -> None:
        self.objective, self.batch_size, self.steps = objective, batch_size, objective.steps
        size = objective.size
        self.images = [image for image in images if min(image[0].shape[1:]) >= size]
        if not self.images:
            raise DatasetNotFoundError(f"no image is large enough for a crop of {size} pixels")

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            crops = [self._crop(generator) for _ in range(self.batch_size)]
            pixels, masks = (torch.stack(parts) for parts in zip(*crops, strict=True))
            yield pixels, masks.float()

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw a crop of a random image: (C, size, size) in 0..1, (classes, size, size)."""
        size = self.objective.size
        pixels, masks = self.images[random_index(len(self.images), generator)]
        y, x = (random_index(side - size + 1, generator) for side in pixels.shape[1:])
        turns, mirror = random_index(4, generator), [2] if random_index(2, generator) else []

        def cut(whole: Tensor) -> Tensor:
            return whole[:, y : y + size, x : x + size].rot90(turns, (1, 2)).flip(mirror)

        return cut(pixels), cut(masks)
