"""Three things everyone should know about Vision Transformers, Touvron et al., 2203.09795.

1. Blocks side by side (Eq. 2)      x + mhsa_1(x) + mhsa_2(x),  then the same with ffn_1, ffn_2
2. Fine-tuning of attention alone   ATTENTION_ALONE, for zoo.training's `trains`
3. A stem that keeps patches apart  4x4/4, BN GELU, 2x2/2, BN GELU, 2x2/2, BN (Fig. 5, App. C)

image -> stem -> + positions, class token -> L x block -> LN -> class token -> head
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial, reduce

import torch
from timm.layers import Attention, DropPath, LayerNorm2d, LayerScale
from torch import Tensor, nn

from zoo.modules.class_token import ClassToken, TokenClassifier
from zoo.modules.classifier import Head
from zoo.modules.patches import feed_forward, initialise_linear, linear_patches, parse_size
from zoo.modules.stages import pick

HEAD_WIDTH = 64  # of all sizes (Table 1)
# Sec. 4, and --attn-only of the authors' main.py: what is fine-tuned beside the MHSA layers.
ATTENTION_ALONE = ("*.attn.*", "head.*", "embed.pos_embed")
LAYER_NORM = partial(nn.LayerNorm, eps=1e-6)


def hierarchical_mlp(
    in_chans: int, width: int, patch: int, norm: Callable[[int], nn.Module]
) -> nn.Sequential:
    """App. C: (B, in_chans, H, W) -> (B, width, H / 16, W / 16), each patch by itself.

    Raises ValueError for other patches than 16 x 16.
    """
    if patch != 16:
        raise ValueError(f"patches must have 16 pixels per side (Fig. 5), not {patch}")
    quarter = width // 4
    layers = [
        *(nn.Conv2d(in_chans, quarter, 4, 4), norm(quarter), nn.GELU()),
        *(nn.Conv2d(quarter, quarter, 2, 2), norm(quarter), nn.GELU()),
        *(nn.Conv2d(quarter, width, 2, 2), norm(width)),
    ]
    return nn.Sequential(OrderedDict(proj=nn.Sequential(*layers)))


STEMS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "linear": linear_patches,
    "hmlp": partial(hierarchical_mlp, norm=nn.BatchNorm2d),
    "hmlp-ln": partial(hierarchical_mlp, norm=partial(LayerNorm2d, eps=1e-6)),
}


class Branches(nn.ModuleList):
    """Residual branches side by side: (B, T, D) -> x + branch_1(x) + branch_2(x) ..."""

    @property
    def beside(self) -> tuple[str, ...]:
        """Names of those that add nothing to the depth: all but the first."""
        return tuple(self._modules)[1:]

    def forward(self, x: Tensor) -> Tensor:
        return x + reduce(torch.add, [branch(x) for branch in self])


class Block(nn.Module):
    """Eq. 2, or with one branch Eq. 1: (B, T, D) -> (B, T, D). `scale` 0 is no LayerScale."""

    stride = 1

    def __init__(self, width: int, branches: int, scale: float, drop_path: float) -> None:
        super().__init__()
        self.c_out = width

        def branch(name: str, layer: nn.Module) -> nn.Module:
            parts = OrderedDict([("norm", LAYER_NORM(width)), (name, layer)])
            if scale:
                parts["ls"] = LayerScale(width, init_values=scale)
            if drop_path:
                parts["drop_path"] = DropPath(drop_path)
            return nn.Sequential(parts)

        def attention() -> nn.Module:
            return Attention(width, num_heads=width // HEAD_WIDTH, qkv_bias=True)

        self.attns = Branches(branch("attn", attention()) for _ in range(branches))
        self.ffns = Branches(branch("mlp", feed_forward(width)) for _ in range(branches))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.ffns(self.attns(x))
        return out


class ParallelViT(TokenClassifier):
    """Tables 1 to 7: (B, in_chans, H, W) -> (B, num_classes); H and W are multiples of 16.

    `size` is the paper's name: Ti, S, B or L, layers, and branches if there are several ("S18x2").
    `stem` is linear, hmlp (with BatchNorm) or hmlp-ln (LayerNorm). `layer_scale` is its initial
    value, 0 for none; `drop_path_rate` is that of every branch, as in the authors' code. Raises
    ValueError for another size or stem.
    """

    def __init__(
        self,
        *,
        size: str = "S18x2",
        stem: str = "linear",
        layer_scale: float = 0.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "token",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        width, layers, branches, patch = parse_size(size)
        if patch != 16:
            raise ValueError(f"patches must have 16 pixels per side (Sec. 2.2), not {patch}")
        make_stem = pick(STEMS, stem, "stem (Table 7)")
        super().__init__(
            stem={
                "patch_embed": make_stem(in_chans, width, patch),
                "embed": ClassToken(width),
            },
            stages={
                f"blocks.{i}": Block(width, branches, layer_scale, drop_path_rate)
                for i in range(layers)
            },
            tail={"norm": LAYER_NORM(width)},
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As in the authors' code: N(0, 0.02 ** 2) for linear layers."""
        initialise_linear(module)
