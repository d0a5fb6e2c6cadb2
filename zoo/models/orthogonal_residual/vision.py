"""A vision transformer with orthogonal residual updates (2505.11881).

patches + positions -> L x (x + attention_perp, x + mlp_perp) -> norm -> mean -> head

The update is the authors'; the transformer around it is Big Vision's (deviations of paper.toml).
"""

from typing import Any

from torch import Tensor

from zoo.models.orthogonal_residual.update import orthogonal
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.decoder import Connections
from zoo.modules.stages import pick
from zoo.modules.vision_transformer import VisionTransformer


class OrthogonalStream(ResidualStream):
    """Add the part of each sublayer's output that is orthogonal to the token's stream."""

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        return residual + orthogonal(out, residual, dims=(-1,))


UPDATES: dict[str, Connections] = {"feature": OrthogonalStream, "linear": ResidualStream}


class OrthogonalViT(VisionTransformer):
    """(B, in_chans, H, W) -> (B, num_classes). `update` is "feature" (Orthogonal-F) or "linear".

    Raises ValueError for an update that the paper's transformers lack: the global one is for
    convolutional networks.
    """

    def __init__(self, *, update: str = "feature", **options: Any) -> None:
        super().__init__(connections=pick(UPDATES, update, "update (Sec. 3)"), **options)
