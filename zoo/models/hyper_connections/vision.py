"""Vision transformers with hyper-connections (App. E.2 of 2409.19606).

image -> patches + positions -> n copies -> (A_m, A_r -> norm, attention or MLP -> B) x 2 L -> sum
      -> norm -> mean -> linear, tanh -> fc
"""

from collections.abc import Mapping
from typing import Any

from zoo.models.hyper_connections.model import chosen
from zoo.modules.vision_transformer import VisionTransformer


class HyperViT(VisionTransformer):
    """(B, in_chans, H, W) -> (B, num_classes); `hyper` as for HyperOLMo, with n = 2 by default."""

    def __init__(
        self,
        *,
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        hyper: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            layers=layers,
            width=width,
            heads=heads,
            num_classes=num_classes,
            in_chans=in_chans,
            global_pool=global_pool,
            drop_rate=drop_rate,
            connections=chosen({"n": 2, **(hyper or {})}),
        )
