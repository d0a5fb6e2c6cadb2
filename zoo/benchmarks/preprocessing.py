"""PIL image -> the tensor that a network's weights were trained on."""

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image
from timm.data import create_transform
from torch import Tensor

Transform = Callable[[Image.Image], Tensor]


class Preprocessing:
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
