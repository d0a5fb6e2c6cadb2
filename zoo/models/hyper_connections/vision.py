"""Vision transformers with hyper-connections (App. E.2 of 2409.19606).

image -> patches + positions -> n copies -> (A_m, A_r -> norm, attention or MLP -> B) x 2 L -> sum
      -> norm -> mean -> linear, tanh -> fc
"""

from collections.abc import Mapping
from typing import Any

from zoo.models.hyper_connections.model import make_connections
from zoo.modules.vision_transformer import VisionTransformer


class HyperViT(VisionTransformer):
    """(B, in_chans, H, W) -> (B, num_classes); `hyper` as for HyperOLMo, with n = 2 by default."""

    def __init__(self, *, hyper: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(connections=make_connections({"n": 2, **(hyper or {})}), **options)
