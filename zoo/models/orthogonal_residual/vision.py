"""Vision transformers with orthogonal residual updates (2505.11881).

patches, class token + positions -> L x (x + attention_perp, x + mlp_perp) -> norm -> class token
                                 -> fc

As in the authors' base.py and ortho_models.py (github.com/BootsofLagrangian/ortho-residual at
4f663d3) and, for the class token's position, their modeling_ortho_vit.py: learnt positions, norms
without weights in the layers, one linear layer at the end.
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.orthogonal_residual.update import orthogonal
from zoo.modules.class_token import GRID, resize_positions
from zoo.modules.classifier import Classifier
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.decoder import Connections
from zoo.modules.stages import pick
from zoo.modules.vision_transformer import PatchTransformer


class OrthogonalStream(ResidualStream):
    """Add the part of each sublayer's output that is orthogonal to the token's stream."""

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        return residual + orthogonal(out, residual, dims=(-1,))


UPDATES: dict[str, Connections] = {"feature": OrthogonalStream, "linear": ResidualStream}


class Positions(nn.Module):
    """The class token, and what is added to it and to the patches: (B, h w, D) -> (B, 1 + h w, D).

    Positions are for images of 224 pixels per side; others get them resized.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.table = nn.Parameter(0.02 * torch.randn(1, 1 + GRID**2, width))

    def forward(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        token = (self.token + self.table[:, :1]).expand(patches.shape[0], -1, -1)
        return torch.cat([token, patches + resize_positions(self.table[:, 1:], grid)], 1)


class OrthogonalViT(PatchTransformer):
    """(B, in_chans, H, W) -> (B, num_classes). `update` is "feature" (Orthogonal-F) or "linear".

    Final features are (B, D, 1 + h w, 1): the class token, then the patches, row by row. The
    `global_pool` "token" takes the first, "avg" and others pool the patches. Raises ValueError for
    an update that the paper's transformers lack: the global one is for convolutional networks.
    """

    affine = False
    positions: Positions
    pooling: str

    def __init__(
        self, *, update: str = "feature", global_pool: str = "token", **options: Any
    ) -> None:
        connections = pick(UPDATES, update, "update (Sec. 3)")
        super().__init__(connections=connections, global_pool=global_pool, **options)

    @staticmethod
    def embeddings(width: int) -> dict[str, nn.Module]:
        return {"positions": Positions(width)}

    def embed(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        return self.positions(tokens, grid)

    def output(self, stream: Any) -> Tensor:
        return super().output(stream)[:, 1:]

    def forward_tail(self, x: Any) -> Tensor:
        """Flow -> (B, D, 1 + h w, 1), normalised."""
        return self.norm(self.connections.collapse(x.stream)).transpose(1, 2).unsqueeze(3)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> (B, num_classes), or the last layer's input."""
        rows = {"token": x[:, :, :1], "": x}.get(self.pooling, x[:, :, 1:])
        return super().forward_head(rows, pre_logits)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer; 0 classes give Identity, `global_pool=''` no pooling."""
        self.pooling = self.pooling if global_pool is None else global_pool
        pool = "avg" if self.pooling == "token" else self.pooling  # of the token alone
        Classifier.reset_classifier(self, num_classes, pool)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Leave PyTorch's own initialisation, as the authors' code does."""
