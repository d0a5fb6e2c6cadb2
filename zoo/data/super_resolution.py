"""Super-resolution: pairs of a large image and the small one made from it.

set5, set14, b100, urban100, manga109; photos: four photographs that come with scikit-image

DIR/<set>/HR/x<scale>/*.png with DIR/<set>/LR_bicubic/x<scale>/*.png (or LR_bd), as published; or
DIR/<set>/HR/*.png, or DIR/<set>/*.png, from which the small images are made here.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage
from scipy.ndimage import correlate

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.image_reading import load_image
from zoo.data.imresize import Pixels, imresize, round_to_uint8

LOW = {"bi": "LR_bicubic", "bd": "LR_bd"}  # folders of published small images
PHOTOS = {  # name: sha256 of scikit-image's file; CC0 or in the public domain
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}


class Pair(NamedTuple):
    """A large image and its small version: uint8, (H, W, 3), or (H, W) if grey."""

    name: str
    large: Pixels  # cropped to a multiple of the scale
    small: Pixels


def modcrop(image: Pixels, scale: int) -> Pixels:
    """Crop (H, W[, C]) at the bottom and right to a multiple of `scale`."""
    height, width = (n // scale * scale for n in image.shape[:2])
    return image[:height, :width]


def blur_down(image: Pixels, scale: int) -> Pixels:
    """Degrade by BD of 1807.02758, Sec. 4.1: blur by a 7x7 Gaussian of sigma 1.6, then take every
    third pixel from the second on.

    uint8 stays uint8; float64 is not rounded. Raises ValueError for a scale other than 3.
    """
    if scale != 3:
        raise ValueError(f"BD is defined for x3, not x{scale}")
    line = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.6**2))
    kernel = np.outer(line, line) / np.outer(line, line).sum()
    planes = image if image.ndim == 3 else image[..., None]
    blurred = correlate(planes.astype(np.float64), kernel[..., None], mode="nearest")
    taken = blurred[1::3, 1::3].reshape(-1, image.shape[1] // 3, *image.shape[2:])
    return round_to_uint8(taken) if image.dtype == np.uint8 else taken


def bicubic_down(image: Pixels, scale: int, border: str = "replicate") -> Pixels:
    """Degrade by BI: MATLAB's imresize, of the older release by default."""
    return imresize(image, 1 / scale, border)


DEGRADATIONS: dict[str, Callable[..., Pixels]] = {"bi": bicubic_down, "bd": blur_down}


def read_image(path: Path) -> Pixels:
    """Return the pixels of a file: (H, W) if grey, else (H, W, 3). Raises ValueError for other
    modes, such as transparency."""
    image = load_image(path)
    if image.mode not in ("L", "RGB", "P", "1"):
        raise ValueError(f"{path} has mode {image.mode}; a benchmark is of 8-bit RGB or grey")
    return np.asarray(image.convert("L" if image.mode in ("L", "1") else "RGB"))


class Pairs:
    """Pairs of large images in files and small ones, published or made here.

    Args:
        files: the large images, in order.
        scale: size of a large image over that of its small one.
        degrade: makes a small image from a large one.
        small: folder of published small images of the same names; None to make them.
    """

    def __init__(
        self, files: list[Path], scale: int, degrade: Callable[[Pixels], Pixels], small: Path | None
    ) -> None:
        self.scale, self.degrade, self.small, self.large_files = scale, degrade, small, files

    def __len__(self) -> int:
        return len(self.large_files)

    def __getitem__(self, index: int) -> Pair:
        file = self.large_files[index]
        large = modcrop(read_image(file), self.scale)
        if self.small is None:
            return Pair(file.stem, large, self.degrade(large))
        published = self.small / file.name
        if not published.is_file():
            raise DatasetNotFoundError(f"no {file.name} in {self.small}")
        small = read_image(published)
        if tuple(n * self.scale for n in small.shape[:2]) != large.shape[:2]:
            raise ValueError(f"{published} is not {file} at 1/{self.scale} of its size")
        return Pair(file.stem, large, small)

    def where(self, index: int) -> str:
        """Return the file of a large image."""
        return str(self.large_files[index])

    @property
    def files(self) -> list[Path]:
        """All files that are read, the published small images too."""
        small = [self.small / file.name for file in self.large_files] if self.small else []
        return self.large_files + [file for file in small if file.is_file()]


def images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder by name; none if there is no such folder."""
    files = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(f for f in files if f.suffix.lower() in (".png", ".bmp", ".tif", ".tiff"))


class Photos:
    """Pairs made from the four photographs of scikit-image."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.degrade, self.scale = DEGRADATIONS[benchmark.degradation], benchmark.scale

    def __len__(self) -> int:
        return len(PHOTOS)

    def __getitem__(self, index: int) -> Pair:
        path = photo(index)
        large = modcrop(read_image(path), self.scale)
        return Pair(path.stem, large, self.degrade(large, self.scale))


def photo(index: int) -> Path:
    """Return the file of a photograph. Raises DatasetNotFoundError for one of another hash."""
    return bundled_picture(*list(PHOTOS.items())[index])


def bundled_picture(name: str, sha256: str) -> Path:
    """Return a file of scikit-image. Raises DatasetNotFoundError for one of another hash."""
    path = Path(skimage.__file__).parent / "data" / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DatasetNotFoundError(
            f"scikit-image {version('scikit-image')} has no {name} with the pinned hash"
        )
    return path


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Pairs:
    """Return the pairs of a set. Raises DatasetNotFoundError if they are not there."""
    home, scale = benchmark.require_folder(data), benchmark.scale
    folders = [home / "HR" / f"x{scale}", home / "HR", home]
    files = next(filter(None, map(images_in, folders)), [])
    benchmark.require_size(len(files), home)
    published = home / LOW[benchmark.degradation] / f"x{scale}"
    degrade = partial(DEGRADATIONS[benchmark.degradation], scale=scale)
    return Pairs(files, scale, degrade, published if published.is_dir() else None)


def open_photos(benchmark: Benchmark, data: Path | None = None) -> Photos:
    """Return the photographs; `data` is not needed."""
    return Photos(benchmark)
