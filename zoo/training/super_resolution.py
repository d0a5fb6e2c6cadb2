"""Super-resolution of random patches, by L1 loss."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import DatasetNotFoundError
from zoo.data.image_reading import load_image, to_mode
from zoo.data.super_resolution import DEGRADATIONS
from zoo.training.objective import Batch, DrawnEpochs, random_index


@dataclass(frozen=True)
class SuperResolution:
    """Mean absolute error (L1) against images that were downscaled."""

    scale: int
    size: int = 48  # side of a low-resolution patch in pixels
    steps: int = 1000  # batches in an epoch
    degradation: str = "bi"  # how they are downscaled: bi as MATLAB's imresize, bd blurred before
    metric = "squared error"  # of pixels in 0..1

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "PatchPairs":
        files = sorted((data / dataset).glob("*.png")) if data else []
        if not files:
            raise DatasetNotFoundError(
                f"no {dataset}/*.png in the folder of data (--data DIR or ZOO_DATA)"
            )
        images = [np.asarray(to_mode(load_image(file), "RGB")) for file in files]
        return PatchPairs(self, images, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(output, target)

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return F.mse_loss(output, target).item() * len(target)


class PatchPairs(DrawnEpochs):
    """Low- and high-resolution patches of the images that are large enough."""

    def __init__(self, objective: SuperResolution, images: list[Any], batch_size: int) -> None:
        self.objective, self.batch_size, self.steps = objective, batch_size, objective.steps
        scale, side = objective.scale, objective.scale * objective.size
        large_enough = [image for image in images if min(image.shape[:2]) >= side]
        if not large_enough:
            raise DatasetNotFoundError(f"no image is large enough for a patch of {side}x{side}")
        self.high_res = [
            image[: len(image) // scale * scale, : image.shape[1] // scale * scale]
            for image in large_enough
        ]
        degrade = DEGRADATIONS[objective.degradation]
        self.low_res = [degrade(image, scale) for image in self.high_res]

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            pairs = [self._pair(generator) for _ in range(self.batch_size)]
            low_res, high_res = (torch.stack(patches) for patches in zip(*pairs, strict=True))
            yield low_res, high_res

    def _pair(self, generator: torch.Generator) -> Batch:
        """Draw a patch of a random image: (3, size, size), (3, scale * size, ...) in 0..1."""
        size, scale = self.objective.size, self.objective.scale
        i = random_index(len(self.low_res), generator)
        height, width = self.low_res[i].shape[:2]
        y, x, turns, mirror = (
            random_index(n, generator) for n in (height - size + 1, width - size + 1, 4, 2)
        )
        crops = [
            image[r * y : r * (y + size), r * x : r * (x + size)][:, :: 1 - 2 * mirror]
            for image, r in ((self.low_res[i], 1), (self.high_res[i], scale))
        ]
        low_res, high_res = (
            torch.from_numpy(np.rot90(crop, turns).transpose(2, 0, 1) / np.float32(255))
            for crop in crops
        )
        return low_res, high_res
