"""A vision transformer with orthogonal residual updates (2505.11881).

patches + positions -> L x (x + attention_perp, x + mlp_perp) -> norm -> mean -> head

The update is the authors'; the transformer around it is the trunk's (deviations of paper.toml).
"""

from typing import Any

from torch import Tensor

from zoo.models.orthogonal_residual.update import orthogonal
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.decoder import Join
from zoo.modules.stages import pick
from zoo.modules.vision_transformer import VisionTransformer


class OrthogonalStream(ResidualStream):
    """Each token's stream gets what is orthogonal to it, of each sublayer: no parameters."""

    def after(self, step: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        return residual + orthogonal(out, residual, dims=(-1,))


UPDATES: dict[str, Join] = {"feature": OrthogonalStream, "linear": ResidualStream}


class OrthogonalViT(VisionTransformer):
    """(B, in_chans, H, W) -> (B, num_classes). `update` is "feature" (Orthogonal-F) or "linear".

    Raises ValueError for an update that the paper's transformers lack: the global one is for
    convolutional networks.
    """

    def __init__(
        self,
        *,
        layers: int = 6,
        width: int = 384,
        heads: int = 6,
        update: str = "feature",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            layers=layers,
            width=width,
            heads=heads,
            num_classes=num_classes,
            in_chans=in_chans,
            global_pool=global_pool,
            drop_rate=drop_rate,
            connections=pick(UPDATES, update, "update (Sec. 3)"),
        )
