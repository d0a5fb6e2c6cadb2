"""Segmentation: images with a mask of each class.

otsu_pictures: halves of eight pictures that come with scikit-image, the left ones to train on, the
right ones to test on. Nobody marked anything in them: a mask is what Otsu's threshold, over the
whole picture, leaves of its grey values after a blur. A network that has never seen the whole
picture has to tell from its surroundings what is bright.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.filters import gaussian, threshold_otsu

from zoo.data.benchmarks import Benchmark
from zoo.data.imresize import Pixels
from zoo.data.super_resolution import bundled_picture

if TYPE_CHECKING:
    from torch import Tensor

PICTURES = {  # name: sha256 of scikit-image's file
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "brick.png": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "coins.png": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    "gravel.png": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    "ihc.png": "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
}
SIGMA = 2.0  # of the blur, in pixels


class MaskedImage(NamedTuple):
    """An image, and where in it each class is."""

    name: str
    pixels: Pixels  # uint8, (H, W) if grey, (H, W, 3) in colour
    masks: NDArray[np.bool_]  # (classes, H, W)

    def tensors(self) -> tuple["Tensor", "Tensor"]:
        """Return pixels (C, H, W) in 0..1, and masks (classes, H, W)."""
        import torch

        planes = np.atleast_3d(self.pixels).transpose(2, 0, 1) / np.float32(255)
        return torch.from_numpy(planes), torch.from_numpy(self.masks)


def bright_parts(grey: Pixels) -> NDArray[np.bool_]:
    """Return where a picture, blurred, is above Otsu's threshold: (H, W) -> (H, W)."""
    blurred = gaussian(grey, SIGMA, preserve_range=True)  # type: ignore[no-untyped-call]
    mask: NDArray[np.bool_] = blurred > threshold_otsu(blurred)  # type: ignore[no-untyped-call]
    return mask


class Halves:
    """The left or the right halves of the pictures, in grey (ITU-R 601, by Pillow)."""

    def __init__(self, split: str) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(PICTURES)

    def __getitem__(self, index: int) -> MaskedImage:
        path = bundled_picture(*list(PICTURES.items())[index])
        grey = np.asarray(Image.open(path).convert("L"))
        middle = grey.shape[1] // 2
        half = (..., slice(middle) if self.split == "train" else slice(middle, None))
        return MaskedImage(path.stem, grey[half], bright_parts(grey)[None][half])


def open_halves(benchmark: Benchmark, data: Path | None = None) -> Halves:
    """Return the halves of a split; `data` is not needed."""
    return Halves(benchmark.split)
