"""What a classifier is shown of images, by a setting.

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
    """All that an error is taken with. `full` is what pixels are divided by; `batch` is of train
    mode, 0 in eval mode; `counted` says which samples count, or how often: ("once", 0)."""

    mean: Constants
    std: Constants
    interpolation: str
    crop_pct: float
    squashed: bool = False
    antialias: bool = True
    full: float = 255.0
    colour: str = "rgb"
    jpeg: int = 0
    mirrored: bool = False
    args: Args = ()
    batch: int = 0
    precision: str = "fp32"
    labels: int = 0
    counted: tuple[str, int] = ("once", 0)


def show(images: list[Image.Image], setting: Setting, size: tuple[int, int, int]) -> Tensor:
    """(B, C, H, W) of float32, by the very operations of timm's transform to a `size` (C, H, W)."""
    resize = _resizing(setting, size)
    pixels = torch.stack([resize(_altered(image, setting)) for image in images])
    values = pixels.to(torch.float32).div(setting.full)
    if setting.colour == "bgr":
        values = values.flip(1)
    mean, std = (torch.tensor(c)[:, None, None] for c in (setting.mean, setting.std))
    return values.sub(mean).div(std)


def _altered(image: Image.Image, setting: Setting) -> Image.Image:
    if setting.jpeg:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=setting.jpeg)
        image = Image.open(file).convert(image.mode)
    if setting.colour == "grey":
        image = image.convert("L").convert("RGB")
    return ImageOps.mirror(image) if setting.mirrored else image


def _resizing(setting: Setting, size: tuple[int, int, int]) -> Any:
    """PIL image -> uint8 (C, H, W)."""
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

    def rough(image: Image.Image) -> Tensor:
        pixels = F.pil_to_tensor(image)
        return F.center_crop(F.resize(pixels, shorter, mode, antialias=False), to)

    return rough
