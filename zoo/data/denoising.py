"""Images that noise is added to, and a network's against those without.

set12, bsd68, train400 (grey), cbsd68, cbsd432 (in colour): DIR/denoise/<set>/* or DIR/<set>/*
photos: four photographs that scikit-image carries, made grey

Noise is of a seed, the same for each image, and neither clipped nor rounded, as in the demo code of
1608.03981; MATLAB's old generator is not rebuilt, so the draws are NumPy's.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.imresize import Pixels
from zoo.data.super_resolution import PHOTOS, images_in, photo, read_image


class CleanImage(NamedTuple):
    """One image of a benchmark without its noise: uint8, (H, W), or (H, W, 3) in colour."""

    name: str
    pixels: Pixels


def sigma(benchmark: str) -> float:
    """25.0 of "set12/sigma25", of pixels in 0..255; 0 of a split to train on."""
    split = benchmark.partition("/")[2]
    return float(split.removeprefix("sigma")) if split.startswith("sigma") else 0.0


def add_noise(clean: Pixels, strength: float, seed: int) -> NDArray[np.float32]:
    """An image in 0..1 with noise of `strength` (of pixels in 0..255), as it is shown."""
    noise = np.random.RandomState(seed).normal(0, strength / 255, clean.shape)
    return (clean / 255 + noise).astype(np.float32)


class Images:
    """The images in `files`, in their order."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> CleanImage:
        return CleanImage(self.files[index].stem, read_image(self.files[index]))

    def where(self, index: int) -> str:
        """The file of an image."""
        return str(self.files[index])


class GreyPhotos:
    """The four photographs, made grey (ITU-R 601) as Pillow does."""

    def __len__(self) -> int:
        return len(PHOTOS)

    def __getitem__(self, index: int) -> CleanImage:
        path = photo(index)
        return CleanImage(path.stem, np.asarray(Image.fromarray(read_image(path)).convert("L")))


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Images:
    """The images of a set in DIR. Raises NoDataError when they are not there."""
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    name = benchmark.id.partition("/")[0]
    homes = [data / "denoise" / name, data / name]
    files: list[Path] = next((found for at in homes if (found := images_in(at))), [])
    if len(files) != benchmark.size:
        raise DatasetNotFoundError(
            f"{benchmark.id} has {benchmark.size} images, {homes[0]} {len(files)}"
        )
    return Images(files)


def open_photos(benchmark: Benchmark, data: Path | None = None) -> GreyPhotos:
    """The photographs; `data` is not needed."""
    return GreyPhotos()
