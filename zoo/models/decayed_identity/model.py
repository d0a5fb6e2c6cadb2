"""Residual Connections Harm Generative Representation Learning, Zhang et al., 2404.10947.

image -> 16x16/16 -> + positions, class token -> L x block -> token or mean -> head

    x <- alpha_2i x + attention(LN x)       alpha from 1 to min_decay (shortcuts.py)
    x <- alpha_2i+1 x + mlp(LN x)

The encoder of a masked autoencoder (autoencoder.py), which trains it, as a classifier: features are
the output of the last block as it is, without a norm.
"""

from collections.abc import Sequence
from functools import partial

import torch
from timm.layers import Attention
from torch import Tensor, nn

from zoo.models.decayed_identity.shortcuts import decays
from zoo.modules.attention import head_width
from zoo.modules.class_token import TokenClassifier
from zoo.modules.classifier import Head
from zoo.modules.patches import feed_forward, linear_patches, to_tokens
from zoo.modules.vision_transformer import PATCH, positions

LAYER_NORM = partial(nn.LayerNorm, eps=1e-6)


class DecayedBlock(nn.Module):
    """Attention and feed-forward network, each with its alpha: (B, T, D) -> (B, T, D)."""

    stride = 1

    def __init__(self, width: int, heads: int, alphas: Sequence[float] = (1.0, 1.0)) -> None:
        super().__init__()
        head_width(width, heads)
        self.c_out, self.alphas = width, tuple(alphas)
        self.norm1, self.norm2 = LAYER_NORM(width), LAYER_NORM(width)
        self.attn = Attention(width, num_heads=heads, qkv_bias=True)
        self.mlp = feed_forward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.alphas[0] * x + self.attn(self.norm1(x))
        return self.alphas[1] * x + self.mlp(self.norm2(x))


class FixedPositions(nn.Module):
    """Add fixed positions to the patches, not to the token: (B, D, h, w) -> (B, 1 + h w, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))

    def patches(self, image: Tensor) -> Tensor:
        """(B, D, h, w) -> (B, h w, D)."""
        grid, width = (image.shape[2], image.shape[3]), self.cls_token.shape[2]
        return to_tokens(image) + positions(grid, width, image, closed=False)

    def with_token(self, patches: Tensor) -> Tensor:
        """(B, T, D) -> (B, 1 + T, D)."""
        return torch.cat([self.cls_token.expand(patches.shape[0], -1, -1), patches], 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.with_token(self.patches(image))


class DecayedViT(TokenClassifier):
    """(B, in_chans, H, W) -> (B, num_classes); H and W are multiples of 16.

    The `global_pool` "token" takes the class token, others pool the patches. Raises ValueError for
    sizes that do not fit, and for a `min_decay` that is not from 0 to 1.
    """

    def __init__(
        self,
        *,
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
        min_decay: float = 0.6,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "token",
        drop_rate: float = 0.0,
    ) -> None:
        if width % 4:
            raise ValueError(f"width must be a multiple of 4 (sines, cosines), not {width}")
        alphas = decays(2 * layers, min_decay)
        super().__init__(
            stem={
                "patch_embed": linear_patches(in_chans, width, PATCH),
                "embed": FixedPositions(width),
            },
            stages={
                f"blocks.{i}": DecayedBlock(width, heads, alphas[2 * i : 2 * i + 2])
                for i in range(layers)
            },
            tail={"norm": nn.Identity()},
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As the authors: Xavier's, for patches too; 0 in the last layers of blocks, and biases."""
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight.flatten(1))
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        elif isinstance(module, DecayedBlock):  # after its layers
            for name in ("attn.proj", "mlp.fc2"):
                nn.init.zeros_(module.get_parameter(f"{name}.weight"))
