"""Vision transformers that classify by a class token: positions, final features, head.

patches -> + positions -> [class token, patches] -> blocks -> norm -> class token -> head

Final features are (B, D, 1 + h w, 1): the class token, then the patches, row by row.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.utils.checkpoint import checkpoint

from zoo.modules.classifier import Classifier
from zoo.modules.patches import to_tokens
from zoo.modules.vision_transformer import PATCH, Flow, Image, as_image, check_size

GRID = 14  # patches per side of an image of 224 pixels
fx.wrap("check_size")  # one operation to a tracer


def resize_positions(table: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return learnt positions for a grid of patches: (1, GRID^2, D) -> (1, h w, D), bicubic.

    For a grid of GRID x GRID they come out unchanged, to the last bit.
    """
    image = as_image(table, (GRID, GRID))
    return to_tokens(F.interpolate(image, size=grid, mode="bicubic"))


class ClassToken(nn.Module):
    """Add positions to the patches, not to the token: (B, D, h, w) -> (B, 1 + h w, D).

    Positions are for images of 224 pixels per side; others get them resized. Keys are timm's.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID**2, width))
        for parameter in self.parameters():
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, image: Tensor) -> Tensor:
        grid = (image.shape[2], image.shape[3])
        patches = to_tokens(image) + resize_positions(self.pos_embed, grid)
        return torch.cat([self.cls_token.expand(image.shape[0], -1, -1), patches], 1)


class TokenClassifier(Classifier):
    """Stem "patch_embed" and "embed", a ClassToken; stages from tokens to tokens; tail "norm".

    The `global_pool` "token" takes the class token, "avg" and others pool the patches.
    """

    last = "head"
    patch_embed: nn.Module
    embed: ClassToken
    norm: nn.Module
    pooling: str

    def __init__(self, **parts: Any) -> None:
        super().__init__(pool=nn.Sequential(), features=parts["stages"], **parts)
        self.images = nn.ModuleList(Image() for _ in parts["stages"])

    def _features(self, names: Any) -> list[dict[str, Any]]:
        same = {"num_chs": self.embed.cls_token.shape[2], "reduction": PATCH}
        return [{**same, "module": f"images.{i}"} for i in range(len(names))]

    def forward_stem(self, x: Tensor) -> Any:
        """(B, in_chans, H, W) -> Flow. Raises ValueError for a size not a multiple of 16."""
        image = self.patch_embed(check_size(x))
        return Flow(self.embed(image), (image.shape[2], image.shape[3]), 0, image)

    def forward_stage(self, name: str, x: Any) -> Any:
        """Run one block, Flow -> Flow, recomputed in the backward pass with checkpointing."""
        block = self.get_submodule(name)
        if self.grad_checkpointing and self.training:
            tokens = checkpoint(block, x.stream, use_reentrant=False)
        else:
            tokens = block(x.stream)
        return Flow(tokens, x.grid, x.layers + 1, self.images[x.layers](tokens[:, 1:], x.grid))

    def feature(self, x: Any) -> Tensor:
        """Flow -> (B, D, H / 16, W / 16)."""
        return x.image

    def forward_tail(self, x: Any) -> Tensor:
        """Flow -> (B, D, 1 + h w, 1), normalised."""
        return self.norm(x.stream).transpose(1, 2).unsqueeze(3)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> (B, num_classes), or the last layer's input."""
        rows = {"token": x[:, :, :1], "": x}.get(self.pooling, x[:, :, 1:])
        return super().forward_head(rows, pre_logits)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer; 0 classes give Identity, `global_pool=''` no pooling."""
        self.pooling = self.pooling if global_pool is None else global_pool
        pool = "avg" if self.pooling == "token" else self.pooling  # of the token alone
        super().reset_classifier(num_classes, pool)
