"""Super-resolution from random patches, by L1 loss."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from zoo.data.benchmarks import DatasetNotFoundError
from zoo.data.imresize import imresize
from zoo.training.objective import WHOLE, Batch, Shard, sharded


@dataclass(frozen=True)
class SuperResolution:
    """Photographs from MATLAB's bicubic reduction of them, by the mean absolute difference (L1).

    `steps` batches are an epoch; each is of random patches, `size` pixels of the small image,
    mirrored and turned in one of eight ways.
    """

    scale: int
    size: int = 48
    steps: int = 1000
    metric = "squared error"  # of pixels in 0..1

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "Patches":
        files = sorted((data / dataset).glob("*.png")) if data else []
        if not files:
            raise DatasetNotFoundError(
                f"no {dataset}/*.png in the folder of data (--data DIR or ZOO_DATA)"
            )
        images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
        return Patches(self, images, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(output, target)

    def faults(self, output: Tensor, target: Tensor) -> float:
        return F.mse_loss(output, target).item() * len(target)


class Patches:
    """Pairs of patches, small and large, from photographs that are large enough for one."""

    def __init__(self, lesson: SuperResolution, images: list[Any], batch_size: int) -> None:
        self.lesson, self.batch_size, self.steps = lesson, batch_size, lesson.steps
        scale, least = lesson.scale, lesson.scale * lesson.size
        whole = [image for image in images if min(image.shape[:2]) >= least]
        if not whole:
            raise DatasetNotFoundError(
                f"no photograph is large enough for a patch of {least}x{least}"
            )
        self.large = [
            image[: len(image) // scale * scale, : image.shape[1] // scale * scale]
            for image in whole
        ]
        self.small = [imresize(image, 1 / scale) for image in self.large]

    def to(self, device: torch.device) -> None:
        """They are of all sizes: patches of them move."""

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = WHOLE
    ) -> Iterator[Batch]:
        return sharded(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            pairs = [self._pair(generator) for _ in range(self.batch_size)]
            small, large = (torch.stack(patches) for patches in zip(*pairs, strict=True))
            yield small, large

    def _pair(self, generator: torch.Generator) -> Batch:
        """A patch of a random photograph: (3, size, size) and (3, scale * size, ...) in 0..1."""

        def draw(n: int) -> int:
            return int(torch.randint(n, (), generator=generator))

        size, scale = self.lesson.size, self.lesson.scale
        chosen = draw(len(self.small))
        height, width = self.small[chosen].shape[:2]
        y, x, turn, mirror = (draw(n) for n in (height - size + 1, width - size + 1, 4, 2))
        cut = [
            image[r * y : r * (y + size), r * x : r * (x + size)][:, :: 1 - 2 * mirror]
            for image, r in ((self.small[chosen], 1), (self.large[chosen], scale))
        ]
        small, large = (
            torch.from_numpy(np.rot90(patch, turn).transpose(2, 0, 1) / np.float32(255))
            for patch in cut
        )
        return small, large
