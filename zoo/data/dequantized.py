"""Images as samples of a density: 8-bit pixels plus uniform noise, (C, H, W) from 0 to below 256.

mnist/test -> mnist/test_dequantized: the noise of an image is always the same
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS, Benchmark

SUFFIX = "_dequantized"  # of a split's name
LARGEST = float(np.nextafter(np.float32(256), np.float32(0)))


def dequantize(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Add uniform noise to 8-bit pixels: from 0 to below 256, where 255 and noise may round to."""
    noise = torch.rand(pixels.shape, generator=generator)
    return (pixels + noise).clamp_max(LARGEST)


class Dequantized:
    """The images of a split, without their labels, each with noise drawn by its index."""

    def __init__(self, images: Any) -> None:
        self.images = images  # (image, label) by index, from files

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int, /) -> Tensor:
        return dequantize(self.pixels(index), torch.Generator().manual_seed(index))

    @property
    def files(self) -> Sequence[Path]:
        """The files of the images."""
        files: Sequence[Path] = self.images.files
        return files

    def where(self, index: int) -> str:
        """Return the file of an image and its number there."""
        return str(self.images.where(index))

    def pixels(self, index: int) -> Tensor:
        """Return an image as it is stored: (C, H, W) in uint8."""
        image = np.asarray(self.images[index][0], dtype=np.uint8)
        return torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1).copy())


def open_split(benchmark: Benchmark, data: Path | None = None) -> Dequantized:
    """Return the samples. Raises DatasetNotFoundError if the images are not there."""
    return Dequantized(BENCHMARKS[benchmark.id.removesuffix(SUFFIX)].open(data))
