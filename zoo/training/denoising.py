"""A lesson beside those of zoo.training.objective: images from noisy ones.

images -> patches, turned -> + noise of a drawn strength -> (noisy, clean)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.training.objective import WHOLE, Batch, Shard, sharded


@dataclass(frozen=True)
class Denoising:
    """Images from those with Gaussian noise, by half the squared difference, summed over the pixels
    of each (Eq. 1 of 1608.03981).

    `steps` batches are an epoch; each is of random patches of `size` pixels, mirrored and turned in
    one of eight ways, with noise of a strength between `sigma`, of pixels in 0..255.
    """

    sigma: tuple[float, float]
    size: int = 40
    steps: int = 1600
    metric = "squared error"  # of pixels in 0..1

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "NoisyPatches":
        samples: Any = BENCHMARKS[dataset].open(data)
        return NoisyPatches(self, [samples[i].pixels for i in range(len(samples))], batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target, reduction="sum") / (2 * len(target))

    def faults(self, output: Tensor, target: Tensor) -> float:
        return F.mse_loss(output, target).item() * len(target)


class NoisyPatches:
    """Patches of images that are large enough for one."""

    def __init__(self, lesson: Denoising, images: list[Any], batch_size: int) -> None:
        self.lesson, self.batch_size, self.steps = lesson, batch_size, lesson.steps
        self.images = [image for image in images if min(image.shape[:2]) >= lesson.size]
        if not self.images:
            raise DatasetNotFoundError(
                f"no image is large enough for a patch of {lesson.size} pixels"
            )

    def to(self, device: torch.device) -> None:
        """Images are of all sizes: they stay, and patches of them move."""

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = WHOLE
    ) -> Iterator[Batch]:
        return sharded(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        low, high = self.lesson.sigma
        for _ in range(self.steps):
            clean = torch.stack([self._patch(generator) for _ in range(self.batch_size)])
            strength = low + (high - low) * torch.rand(len(clean), 1, 1, 1, generator=generator)
            noise = torch.randn(clean.shape, generator=generator)
            yield clean + strength / 255 * noise, clean

    def _patch(self, generator: torch.Generator) -> Tensor:
        """(C, size, size) in 0..1, of a random image."""

        def draw(n: int) -> int:
            return int(torch.randint(n, (), generator=generator))

        size = self.lesson.size
        image = self.images[draw(len(self.images))]
        y, x = (draw(side - size + 1) for side in image.shape[:2])
        cut = image[y : y + size, x : x + size].reshape(size, size, -1)[:, :: 1 - 2 * draw(2)]
        turned = np.rot90(cut, draw(4)).transpose(2, 0, 1)
        return torch.from_numpy(turned / np.float32(255))
