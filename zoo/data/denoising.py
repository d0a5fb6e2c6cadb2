"""Denoising: clean images, and the noise that is added to them.

set12, bsd68, train400 (grey), cbsd68, cbsd432 (colour): DIR/denoise/<set>/* or DIR/<set>/*
photos: four photographs that come with scikit-image, converted to grey

Noise has one seed for all images and is neither clipped nor rounded, as in the demo code of
1608.03981. The draws are NumPy's; MATLAB's old generator is not rebuilt.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.benchmarks import Benchmark
from zoo.data.imresize import Pixels
from zoo.data.super_resolution import PHOTOS, images_in, photo, read_image


class CleanImage(NamedTuple):
    """An image without noise."""

    name: str
    pixels: Pixels  # uint8, (H, W) if grey, (H, W, 3) in colour


def add_noise(clean: Pixels, sigma: float, seed: int) -> NDArray[np.float32]:
    """Return an image of 0..255 scaled to 0..1, plus Gaussian noise of `sigma` (in 0..255)."""
    noise = np.random.RandomState(seed).normal(0, sigma / 255, clean.shape)
    return (clean / 255 + noise).astype(np.float32)


class Images:
    """Clean images in files, in the order of the files."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> CleanImage:
        return CleanImage(self.files[index].stem, read_image(self.files[index]))

    def where(self, index: int) -> str:
        """Return the file of an image."""
        return str(self.files[index])


class GreyPhotos:
    """The four photographs of scikit-image as grey images (ITU-R 601, by Pillow)."""

    def __len__(self) -> int:
        return len(PHOTOS)

    def __getitem__(self, index: int) -> CleanImage:
        path = photo(index)
        return CleanImage(path.stem, np.asarray(Image.fromarray(read_image(path)).convert("L")))


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Images:
    """Return the images of a set. Raises DatasetNotFoundError if they are not there."""
    home = benchmark.require_folder(data)
    folders = [home.with_name("denoise") / benchmark.dataset, home]
    files = next(filter(None, map(images_in, folders)), [])
    benchmark.require_size(len(files), folders[0])
    return Images(files)


def open_photos(benchmark: Benchmark, data: Path | None = None) -> GreyPhotos:
    """Return the photographs; `data` is not needed."""
    return GreyPhotos()
