"""Evaluation transforms: PIL image -> tensors, by the weights' preprocessing or a protocol."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torchvision.transforms.v2.functional as F
from PIL import Image
from timm.data import create_transform
from torch import Tensor
from torchvision.transforms import InterpolationMode

from zoo.data.image_reading import to_mode
from zoo.papers.protocols import CropProtocol

Transform = Callable[[Image.Image], Tensor]
MODES = {1: "L", 3: "RGB"}  # by the channels of a network


class EvalTransform:
    """timm's evaluation transform for a pretrained_cfg, after conversion to its channels.

    PIL image of any size and mode -> float32 (C, H, W) of cfg["input_size"], normalised.
    """

    def __init__(self, cfg: Mapping[str, Any]) -> None:
        channels = cfg["input_size"][0]
        if channels not in MODES:
            raise ValueError(f"an image becomes 1 or 3 channels; the network takes {channels}")
        self.mode = MODES[channels]
        self.steps = create_transform(
            input_size=tuple(cfg["input_size"]),
            interpolation=cfg["interpolation"],
            mean=tuple(cfg["mean"]),
            std=tuple(cfg["std"]),
            crop_pct=cfg["crop_pct"],
        )

    def __call__(self, image: Image.Image) -> Tensor:
        tensor: Tensor = self.steps(to_mode(image, self.mode))
        return tensor

    def __repr__(self) -> str:
        return f"EvalTransform({self.mode}, {self.steps})"


class MultiCrop:
    """PIL image -> one float32 (crops, C, H, W) per image size of a crop protocol, normalised.

    Mean and standard deviation are those of `cfg`, the pretrained_cfg of the weights.
    """

    def __init__(self, protocol: CropProtocol, cfg: Mapping[str, Any]) -> None:
        self.protocol, self.mean, self.std = protocol, list(cfg["mean"]), list(cfg["std"])

    def __call__(self, image: Image.Image) -> list[Tensor]:
        return [self.crops(to_mode(image, "RGB"), size) for size in self.protocol.resize]

    def crops(self, image: Image.Image, shorter: int) -> Tensor:
        """Return the crops of an image resized to `shorter` pixels on its shorter side."""
        mode = InterpolationMode(self.protocol.interpolation)
        resized = F.resize(image, [shorter], mode, antialias=True)
        size = [self.protocol.crop_size, self.protocol.crop_size]
        cut: Mapping[str, Callable[[], Sequence[Any]]] = {
            "center": lambda: [F.center_crop(resized, size)],
            "ten": lambda: F.ten_crop(resized, size),
            "whole": lambda: [resized],
        }
        crops = cut[self.protocol.crops]()
        tensors = torch.stack([F.to_dtype(F.to_image(crop), scale=True) for crop in crops])
        normalised: Tensor = F.normalize(tensors, self.mean, self.std)
        return normalised


def make_transform(
    cfg: Mapping[str, Any], protocol: CropProtocol | None
) -> Callable[[Image.Image], list[Tensor]]:
    """Return image -> [(crops, C, H, W), ...] by a protocol, or else by the weights' cfg."""
    if protocol:
        return MultiCrop(protocol, cfg)
    return partial(_one_crop, EvalTransform(cfg))  # a spawned worker can be sent it


def _one_crop(transform: Callable[[Image.Image], Tensor], image: Image.Image) -> list[Tensor]:
    return [transform(image)[None]]
