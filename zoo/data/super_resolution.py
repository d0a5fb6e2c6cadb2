"""Pairs of a large image and the small one made of it; a network's enlargement against the large.

set5, set14, b100, urban100, manga109, and photos: four photographs that scikit-image carries

DIR/<set>/HR/x<scale>/*.png with DIR/<set>/LR_bicubic/x<scale>/*.png (or LR_bd), as published; or
DIR/<set>/HR/*.png, or DIR/<set>/*.png, of which the small images are made here.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage
from PIL import Image
from scipy.ndimage import correlate

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.imresize import Pixels, imresize, whole

LOW = {"bi": "LR_bicubic", "bd": "LR_bd"}  # folders of published small images
PHOTOS = {  # name: sha256 of the file that scikit-image carries; CC0 or in the public domain
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}


class Pair(NamedTuple):
    """One image of a benchmark: uint8, (H, W, 3), or (H, W) if it is grey."""

    name: str
    large: Pixels
    small: Pixels


def modcrop(image: Pixels, scale: int) -> Pixels:
    """The image less the rows and columns at its end that no whole small pixel covers."""
    height, width = (n // scale * scale for n in image.shape[:2])
    return image[:height, :width]


def blur_down(image: Pixels, scale: int) -> Pixels:
    """BD of 1807.02758, Sec. 4.1: a 7x7 Gaussian of sigma 1.6, then every third pixel from the
    second on; of uint8, or of float64, which is not rounded. Defined for x3 alone: raises
    ValueError for another scale."""
    if scale != 3:
        raise ValueError(f"BD is defined for x3, not x{scale}")
    line = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.6**2))
    kernel = np.outer(line, line) / np.outer(line, line).sum()
    planes = image if image.ndim == 3 else image[..., None]
    blurred = correlate(planes.astype(np.float64), kernel[..., None], mode="nearest")
    taken = blurred[1::3, 1::3].reshape(-1, image.shape[1] // 3, *image.shape[2:])
    return whole(taken) if image.dtype == np.uint8 else taken


def bicubic_down(image: Pixels, scale: int, border: str = "replicate") -> Pixels:
    """BI: MATLAB's imresize, of the older release by default."""
    return imresize(image, 1 / scale, border)


DEGRADATIONS: dict[str, Callable[..., Pixels]] = {"bi": bicubic_down, "bd": blur_down}


def settings(benchmark: str) -> tuple[str, str, int]:
    """("set5", "bi", 2) of "set5/bi_x2"."""
    folder, _, split = benchmark.partition("/")
    degradation, _, scale = split.partition("_x")
    return folder, degradation, int(scale)


def read_image(path: Path) -> Pixels:
    """The pixels of a file: (H, W) if it is grey, (H, W, 3) if not; transparency is refused."""
    with Image.open(path) as image:
        if image.mode not in ("L", "RGB", "P", "1"):
            raise ValueError(f"{path} has mode {image.mode}; a benchmark is of 8-bit RGB or grey")
        return np.asarray(image.convert("L" if image.mode in ("L", "1") else "RGB"))


class Pairs:
    """Pairs of the images in `files`, in their order, with those under the same names in the folder
    `small`, or made by `make`."""

    def __init__(
        self, files: list[Path], scale: int, make: Callable[[Pixels], Pixels], small: Path | None
    ) -> None:
        self.files, self.scale, self.make, self.small = files, scale, make, small

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Pair:
        file = self.files[index]
        large = modcrop(read_image(file), self.scale)
        if self.small is None:
            return Pair(file.stem, large, self.make(large))
        published = self.small / file.name
        if not published.is_file():
            raise DatasetNotFoundError(f"no {file.name} in {self.small}")
        small = read_image(published)
        if tuple(n * self.scale for n in small.shape[:2]) != large.shape[:2]:
            raise ValueError(f"{published} is not {file} made x{self.scale} smaller")
        return Pair(file.stem, large, small)

    def where(self, index: int) -> str:
        """The file of a large image."""
        return str(self.files[index])


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, by name; none if there is no folder."""
    found = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(f for f in found if f.suffix.lower() in (".png", ".bmp", ".tif", ".tiff"))


class Photos:
    """The four photographs, from scikit-image's own files; a file of another sum is refused."""

    def __init__(self, benchmark: Benchmark) -> None:
        _, self.degradation, self.scale = settings(benchmark.id)

    def __len__(self) -> int:
        return len(PHOTOS)

    def __getitem__(self, index: int) -> Pair:
        path = photo(index)
        large = modcrop(read_image(path), self.scale)
        return Pair(path.stem, large, DEGRADATIONS[self.degradation](large, self.scale))


def photo(index: int) -> Path:
    """The file of one of the four photographs. Raises NoDataError."""
    name, wanted = list(PHOTOS.items())[index]
    path = Path(skimage.__file__).parent / "data" / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
        raise DatasetNotFoundError(
            f"scikit-image {version('scikit-image')} has no {name} as it was pinned"
        )
    return path


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Pairs:
    """The pairs of a set in DIR. Raises NoDataError when they are not there."""
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    folder, degradation, scale = settings(benchmark.id)
    home = data / folder
    candidates = [home / "HR" / f"x{scale}", home / "HR", home]
    files: list[Path] = next((found for at in candidates if (found := images_in(at))), [])
    if len(files) != benchmark.size:
        raise DatasetNotFoundError(
            f"{benchmark.id} has {benchmark.size} images, {home} holds {len(files)}"
        )
    published = home / LOW[degradation] / f"x{scale}"
    make = partial(DEGRADATIONS[degradation], scale=scale)
    return Pairs(files, scale, make, published if published.is_dir() else None)


def open_photos(benchmark: Benchmark, data: Path | None = None) -> Photos:
    """The photographs; `data` is not needed."""
    return Photos(benchmark)
