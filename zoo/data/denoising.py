"""Denoising: clean images, and how they are degraded.

set12, bsd68, train400, classic5 (grey), cbsd68, cbsd432, live1 (colour): DIR/denoise/<set>/* or
DIR/<set>/*
photos: four photographs that come with scikit-image, converted to grey

Noise has one seed for all images and is neither clipped nor rounded, as in the demo code of
1608.03981; it is drawn by NumPy, or as MATLAB's old generator draws it.
"""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.benchmarks import Benchmark
from zoo.data.imresize import Pixels
from zoo.data.matlab_randn import randn
from zoo.data.super_resolution import PHOTOS, images_in, photo, read_image


class CleanImage(NamedTuple):
    """An image without noise."""

    name: str
    pixels: Pixels  # uint8, (H, W) if grey, (H, W, 3) in colour


def add_noise(
    clean: Pixels, sigma: float, seed: int, generator: str = "numpy"
) -> NDArray[np.float32]:
    """Return an image of 0..255 scaled to 0..1, plus Gaussian noise.

    Args:
        clean: image of 0..255, (H, W) or (H, W, 3).
        sigma: standard deviation of the noise, of pixels in 0..255.
        seed: of the generator; MATLAB's is rebuilt for 0 alone.
        generator: "numpy", or "matlab" for its generator before version 5.

    Example:
        >>> noisy = add_noise(np.full((8, 8), 128), 25, 0, "matlab")
        >>> noisy.dtype, round(float(noisy[0, 0] - 128 / 255), 4)
        (dtype('float32'), 0.1142)
    """
    if generator == "matlab":
        draws = randn(clean.shape)
    else:
        draws = np.random.RandomState(seed).normal(size=clean.shape)
    return (clean / 255 + sigma / 255 * draws).astype(np.float32)


def compress(grey: Pixels, quality: int) -> Pixels:
    """Return what JPEG leaves of a grey image, (H, W) of uint8, at a quality of 1..100.

    libjpeg's, which Pillow and MATLAB share.
    """
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


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
