"""ResMLP: Feedforward networks for image classification, Touvron et al., 2105.03404.

Aff(x) = alpha * x + beta, per channel (Eq. 1), stands where transformers have a LayerNorm.

image -> 16x16/16 -> L x (x + ls1 * A Aff(x),  x + ls2 * C gelu(B Aff(x))) -> Aff -> mean -> head
                           A mixes the patches         B, C mix the channels
"""

from collections.abc import Sequence

import torch
from timm.layers import DropPath, to_2tuple
from torch import Tensor, fx, nn

from zoo.modules.classifier import Classifier, Head
from zoo.modules.patches import (
    feed_forward,
    initialise_linear,
    linear_patches,
    parse_size,
    to_tokens,
)

# Depth up to which each initial value of LayerScale is used: Sec. 3.1, after CaiT (2103.17239).
LAYER_SCALES = {18: 0.1, 24: 1e-5}
DEEPEST = 1e-6


def layer_scale(layers: int) -> float:
    """Return the initial value of LayerScale in a network of that depth (Sec. 3.1)."""
    return next((value for most, value in LAYER_SCALES.items() if layers <= most), DEEPEST)


class Affine(nn.Module):
    """Eq. 1: alpha * x + beta, for each channel. (B, D, h, w) -> (B, D, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.beta.mT[..., None], self.alpha.mT[..., None], x)


class Block(nn.Module):
    """Eqs. 2 and 3: across the patches, then across the channels. (B, D, h, w) -> (B, D, h, w)."""

    stride = 1

    def __init__(self, width: int, patches: int, scale: float, drop_path: float) -> None:
        super().__init__()
        self.c_out = width
        self.norm1 = Affine(width)
        self.linear_tokens = nn.Linear(patches, patches)
        self.norm2 = Affine(width)
        self.mlp_channels = feed_forward(width)
        self.ls1 = nn.Parameter(scale * torch.ones(width))
        self.ls2 = nn.Parameter(scale * torch.ones(width))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        grid = (x.shape[2], x.shape[3])
        y = self.linear_tokens(self.norm1(x).flatten(2)) * self.ls1[:, None]
        x = x + self.drop_path(y.unflatten(2, grid))
        y = self.mlp_channels(to_tokens(self.norm2(x))) * self.ls2
        return x + self.drop_path(y.transpose(1, 2).unflatten(2, grid))


def check_size(x: Tensor, height: int, width: int) -> Tensor:
    """Return the images. Raises ValueError for a size other than the network's."""
    if (x.shape[-2], x.shape[-1]) != (height, width):
        raise ValueError(
            f"images must have {height} x {width} pixels, as many patches as A has rows "
            f"(Sec. 2), not {x.shape[-2]} x {x.shape[-1]}"
        )
    return x


fx.wrap("check_size")  # it looks at sizes: one operation to a tracer


class ResMLP(Classifier):
    """Table 3: (B, in_chans, H, W) -> (B, num_classes), for images of one size.

    `size` is the paper's name: S or B for 384 or 768 channels, the number of layers, and the
    pixels of a patch if they are not 16 ("B24/8"). `img_size` is (H, W), or the side of a square;
    `drop_path_rate` is that of every layer, as in the authors' code. Raises ValueError for another
    size, or for images that do not divide into patches.
    """

    last = "head"

    def __init__(
        self,
        *,
        size: str = "S12",
        img_size: int | Sequence[int] = 224,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        width, layers, branches, patch = parse_size(size)
        height, breadth = to_2tuple(img_size)
        if branches > 1:
            raise ValueError(f"size must be without branches (Sec. 2), not {size!r}")
        if height % patch or breadth % patch:
            raise ValueError(f"img_size must be a multiple of the patch, {patch}, not {img_size}")
        patches, scale = height * breadth // patch**2, layer_scale(layers)
        stages = {
            f"blocks.{i}": Block(width, patches, scale, drop_path_rate) for i in range(layers)
        }
        super().__init__(
            stem={"stem": linear_patches(in_chans, width, patch)},
            pool=nn.Identity(),
            stages=stages,
            tail={"norm": Affine(width)},
            head=Head(num_classes, global_pool, drop_rate),
            features=stages,
        )
        self.img_size = (int(height), int(breadth))

    def forward_stem(self, x: Tensor) -> Tensor:
        """(B, in_chans, H, W) -> (B, D, h, w). Raises ValueError for another size of images."""
        return super().forward_stem(check_size(x, *self.img_size))

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As in the authors' code: N(0, 0.02 ** 2) for linear layers."""
        initialise_linear(module)
