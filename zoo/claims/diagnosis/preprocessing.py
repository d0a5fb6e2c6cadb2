"""Preprocessing of images for a classifier, by a setting.

image -> mirrored, JPEG, grey -> resized, cropped -> / full, channels, - mean, / std
"""

import io
from dataclasses import dataclass
from typing import Any

import torch
import torchvision.transforms.v2.functional as F
from PIL import Image, ImageOps
from timm.data import create_transform
from torch import Tensor
from torchvision.transforms import InterpolationMode

from zoo.claims.diagnosis.causes import Args

Constants = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that an error is taken with."""

    mean: Constants  # per channel, of pixels in 0..1
    std: Constants
    interpolation: str
    crop_pct: float  # share of the resized image that is cropped
    squashed: bool = False  # resized to a square, without a crop
    antialias: bool = True
    full: float = 255.0  # pixels are divided by it
    colour: str = "rgb"  # rgb, bgr or grey
    jpeg: int = 0  # quality; 0: not compressed
    mirrored: bool = False
    args: Args = ()  # of the network
    batch: int = 0  # size in train mode; 0: eval mode
    precision: str = "fp32"
    labels: int = 0  # added to every label
    counted: tuple[str, int] = ("once", 0)  # which predictions count: (way, how many samples)


def preprocess(images: list[Image.Image], setting: Setting, size: tuple[int, int, int]) -> Tensor:
    """Return (B, C, H, W) of float32, by the operations of timm's transform to `size` (C, H, W)."""
    resize = _make_resize(setting, size)
    pixels = torch.stack([resize(_alter(image, setting)) for image in images])
    values = pixels.to(torch.float32).div(setting.full)
    if setting.colour == "bgr":
        values = values.flip(1)
    mean, std = (torch.tensor(c)[:, None, None] for c in (setting.mean, setting.std))
    return values.sub(mean).div(std)


def _alter(image: Image.Image, setting: Setting) -> Image.Image:
    if setting.jpeg:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=setting.jpeg)
        image = Image.open(file).convert(image.mode)
    if setting.colour == "grey":
        image = image.convert("L").convert("RGB")
    return ImageOps.mirror(image) if setting.mirrored else image


def _make_resize(setting: Setting, size: tuple[int, int, int]) -> Any:
    """Return a function PIL image -> uint8 (C, H, W)."""
    if setting.antialias:
        return create_transform(
            input_size=size,
            interpolation=setting.interpolation,
            crop_pct=setting.crop_pct,
            crop_mode="squash" if setting.squashed else "center",
            normalize=False,
        )
    to, mode = list(size[1:]), InterpolationMode(setting.interpolation)
    shorter = to if setting.squashed else [int(min(to) / setting.crop_pct)]

    def resize(image: Image.Image) -> Tensor:
        pixels = F.pil_to_tensor(image)
        return F.center_crop(F.resize(pixels, shorter, mode, antialias=False), to)

    return resize
