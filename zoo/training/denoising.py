"""Denoising of random patches with Gaussian noise, by squared error.

images -> patches, mirrored and rotated -> + noise of a random level -> (noisy, clean)
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
from zoo.training.objective import Batch, DrawnEpochs, random_index


@dataclass(frozen=True)
class Denoising:
    """Half of the squared error, summed over the pixels of an image (Eq. 1 of 1608.03981)."""

    sigma: tuple[float, float]  # range of the noise level, for pixels in 0..255
    size: int = 40  # side of a patch in pixels
    steps: int = 1600  # batches in an epoch
    metric = "squared error"  # of pixels in 0..1

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "NoisyPatches":
        samples: Any = BENCHMARKS[dataset].open(data)
        return NoisyPatches(self, [samples[i].pixels for i in range(len(samples))], batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target, reduction="sum") / (2 * len(target))

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return F.mse_loss(output, target).item() * len(target)


class NoisyPatches(DrawnEpochs):
    """Patches of the images that are large enough, in eight orientations."""

    def __init__(self, objective: Denoising, images: list[Any], batch_size: int) -> None:
        self.objective, self.batch_size, self.steps = objective, batch_size, objective.steps
        self.images = [image for image in images if min(image.shape[:2]) >= objective.size]
        if not self.images:
            raise DatasetNotFoundError(
                f"no image is large enough for a patch of {objective.size} pixels"
            )

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        low, high = self.objective.sigma
        for _ in range(self.steps):
            clean = torch.stack([self._patch(generator) for _ in range(self.batch_size)])
            sigma = low + (high - low) * torch.rand(len(clean), 1, 1, 1, generator=generator)
            noise = torch.randn(clean.shape, generator=generator)
            yield clean + sigma / 255 * noise, clean

    def _patch(self, generator: torch.Generator) -> Tensor:
        """Draw a patch of a random image: (C, size, size) in 0..1."""
        size = self.objective.size
        image = self.images[random_index(len(self.images), generator)]
        y, x = (random_index(side - size + 1, generator) for side in image.shape[:2])
        crop = image[y : y + size, x : x + size].reshape(size, size, -1)
        mirrored = crop[:, :: 1 - 2 * random_index(2, generator)]
        rotated = np.rot90(mirrored, random_index(4, generator)).transpose(2, 0, 1)
        return torch.from_numpy(rotated / np.float32(255))
