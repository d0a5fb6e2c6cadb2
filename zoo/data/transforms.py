"""PIL image -> the tensor that a network's weights were trained on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torchvision.transforms.v2.functional as F
from PIL import Image
from timm.data import create_transform
from torch import Tensor
from torchvision.transforms import InterpolationMode

from zoo.papers.protocols import CropProtocol

Transform = Callable[[Image.Image], Tensor]


class EvalTransform:
    """timm's evaluation transform for a pretrained_cfg, after a grey image became RGB.

    image of any size and mode -> float32 (C, H, W) of cfg["input_size"], normalised.
    """

    def __init__(self, cfg: Mapping[str, Any]) -> None:
        self.mode = {1: "L", 3: "RGB"}.get(cfg["input_size"][0], "")
        self.steps = create_transform(
            input_size=tuple(cfg["input_size"]),
            interpolation=cfg["interpolation"],
            mean=tuple(cfg["mean"]),
            std=tuple(cfg["std"]),
            crop_pct=cfg["crop_pct"],
        )

    def __call__(self, image: Image.Image) -> Tensor:
        tensor: Tensor = self.steps(image.convert(self.mode) if self.mode else image)
        return tensor

    def __repr__(self) -> str:
        return f"Preprocessing({self.mode}, {self.steps})"


class MultiCrop:
    """PIL image -> the tensors that a protocol shows, each (crops, C, H, W), float32, normalised.

    `cfg` is the pretrained_cfg of the weights, whose mean and standard deviation hold.
    """

    def __init__(self, view: CropProtocol, cfg: Mapping[str, Any]) -> None:
        self.view, self.mean, self.std = view, list(cfg["mean"]), list(cfg["std"])

    def __call__(self, image: Image.Image) -> list[Tensor]:
        return [self.at(image.convert("RGB"), shorter) for shorter in self.view.shorter]

    def at(self, image: Image.Image, shorter: int) -> Tensor:
        """What is shown at one size."""
        mode = InterpolationMode(self.view.interpolation)
        resized = F.resize(image, [shorter], mode, antialias=True)
        size = [self.view.pixels, self.view.pixels]
        cut: Mapping[str, Callable[[], Sequence[Any]]] = {
            "center": lambda: [F.center_crop(resized, size)],
            "ten": lambda: F.ten_crop(resized, size),
            "whole": lambda: [resized],
        }
        crops = cut[self.view.crops]()
        shown = torch.stack([F.to_dtype(F.to_image(crop), scale=True) for crop in crops])
        normalised: Tensor = F.normalize(shown, self.mean, self.std)
        return normalised


def make_transform(cfg: Mapping[str, Any], view: CropProtocol | None) -> Any:
    """image -> list of (crops, C, H, W), by a view or else by the preprocessing of the weights."""

    if view:
        return MultiCrop(view, cfg)
    prepare = EvalTransform(cfg)
    return lambda image: [prepare(image)[None]]
