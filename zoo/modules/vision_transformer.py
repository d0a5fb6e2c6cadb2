"""A vision transformer on patches of 16 x 16, with any residual stream.

image -> patch_embed (+ positions) -> blocks, joined by connections -> norm -> head -> logits
                                         |
                                      feature i

Features are (B, D, h, w). VisionTransformer has fixed positions and no class token, as in Big
Vision (2205.01580); PatchTransformer leaves both, and the head, to its subclasses.
"""

import inspect
from collections.abc import Collection
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from timm.layers import ClassifierHead, NormMlpClassifierHead
from timm.models._features import feature_take_indices
from torch import Tensor, fx, nn
from torch.utils.checkpoint import checkpoint

from zoo.modules.attention import Attention, Pass
from zoo.modules.classifier import Classifier, Head
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Block, Connections, FeedForward
from zoo.modules.norm_classifier import reset_head
from zoo.modules.signatures import spell_out_kwargs

PATCH = 16  # pixels


class Mlp(FeedForward):
    """w2(drop(gelu(w1 x))), the tanh form, which is flax's: (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, hidden: int, *, dropout: float) -> None:
        super().__init__(width, hidden, gelu="tanh")
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.gelu(self.w1(x), approximate=self.gelu)
        return self.w2(self.drop(hidden))


def as_image(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens, row by row: (B, h w, D) -> (B, D, h, w)."""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], *grid)


class Image(nn.Module):
    """The output of a layer as an image: where a hook sees a feature."""

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        return as_image(x, grid)


class Flow(NamedTuple):
    """The state between two layers."""

    stream: Any
    grid: tuple[int, int]  # (h, w) in patches
    layers: int  # number of layers run so far
    image: Tensor  # output of the last of them, (B, D, h, w)


def check_size(x: Tensor, patch: int = PATCH) -> Tensor:
    """Return the images. Raises ValueError for a size not a multiple of 16."""
    height, width = x.shape[-2], x.shape[-1]
    if height % patch or width % patch:
        raise ValueError(
            f"height and width must be multiples of {patch}, the size of a patch, "
            f"not {height} x {width}"
        )
    return x


def positions(grid: tuple[int, int], width: int, like: Tensor, closed: bool = True) -> Tensor:
    """Return sin(x w), cos(x w), sin(y w), cos(y w), each for width / 4 frequencies: (h w, width).

    The frequencies w go from 1 to 1/10000, which they reach if `closed` (Big Vision), or would with
    the next one (MAE). Computed in float32 or better, then cast to the type of `like`.
    """
    wide, device = torch.promote_types(like.dtype, torch.float32), like.device
    places = torch.arange(width // 4, dtype=wide, device=device) / (width // 4 - int(closed))
    y, x = [torch.arange(n, dtype=wide, device=device)[:, None] / 10_000**places for n in grid]
    of_x, of_y = [torch.cat([angle.sin(), angle.cos()], 1) for angle in (x, y)]
    table = [of_x.expand(grid[0], -1, -1), of_y[:, None].expand(-1, grid[1], -1)]
    return torch.cat(table, 2).flatten(0, 1).to(like.dtype)


for operation in ("check_size", "positions"):  # they look at sizes: one operation to a tracer
    fx.wrap(operation)


class PatchTransformer(Classifier):
    """(B, in_chans, H, W) -> (B, num_classes); H and W are multiples of 16.

    Pre-norm layers with feed-forward networks of 4 `width`. `drop_rate` is applied to the
    embeddings and in the layers. Raises ValueError for sizes that do not fit.
    """

    affine: ClassVar[bool] = True  # whether the norms of the layers have weights

    def __init_subclass__(cls) -> None:
        parameters = dict(inspect.signature(PatchTransformer).parameters)
        del parameters["connections"]
        spell_out_kwargs(cls, parameters.values())

    patch_embed: nn.Conv2d
    connections: ResidualStream
    blocks: nn.Sequential
    norm: nn.Module

    def __init__(
        self,
        *,
        layers: int = 12,
        width: int = 384,
        heads: int = 6,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        connections: Connections = ResidualStream,
    ) -> None:
        if layers < 1:
            raise ValueError(f"layers must be at least 1, not {layers}")
        if width < 8 or width % 4:
            raise ValueError(f"width must be a multiple of 4 (sines, cosines), from 8, not {width}")
        stream, norm = connections(layers, width), partial(nn.LayerNorm, width, eps=1e-6)

        def block(layer: int) -> Block:
            attention = Attention(width, heads, bias=True, separate=True)
            mlp = Mlp(width, 4 * width, dropout=drop_rate)
            inner = norm if self.affine else partial(norm, elementwise_affine=False)
            return Block(attention, mlp, inner, norms=stream.norms(layer), dropout=drop_rate)

        stages = {f"blocks.{i}": block(i) for i in range(layers)}
        patch_embed, embeddings = nn.Conv2d(in_chans, width, PATCH, PATCH), self.embeddings(width)
        super().__init__(  # connections first: pruning takes from the end
            stem={"patch_embed": patch_embed, **embeddings, "connections": stream},
            pool=nn.Sequential(),  # a tracer would take Identity's output for one value
            stages=stages,
            tail={"norm": norm()},
            head=Head(num_classes, global_pool, drop_rate),
            features=stages,
        )
        # Optimizers group the connections with the tail.
        self.stem_names = ["patch_embed", *embeddings]
        self.tail_names = ["connections", "norm"]
        self.images = nn.ModuleList(Image() for _ in stages)
        self.collapses_after = layers

    def _features(self, names: Collection[str]) -> list[dict[str, Any]]:
        same = {"num_chs": self.patch_embed.out_channels, "reduction": PATCH}
        return [{**same, "module": f"images.{i}"} for i in range(len(names))]

    @staticmethod
    def embeddings(width: int) -> dict[str, nn.Module]:
        """Return what the stem has beside patch_embed, by name."""
        return {}

    def embed(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Patches, (B, h w, D) -> tokens, (B, T, D), with positions."""
        raise NotImplementedError

    def output(self, stream: Any) -> Tensor:
        """Return the output of the last layer run for the patches, (B, h w, D)."""
        return self.connections.collapse(stream)

    def forward_stem(self, x: Tensor) -> Any:
        """(B, in_chans, H, W) -> Flow. Raises ValueError for a size not a multiple of 16."""
        image = self.patch_embed(check_size(x))
        grid = (image.shape[2], image.shape[3])
        tokens = self.embed(image.flatten(2).transpose(1, 2), grid)
        return Flow(self.connections.expand(self.dropout(tokens)), grid, 0, image)

    def forward_stage(self, name: str, x: Any) -> Any:
        """Run one layer, Flow -> Flow, recomputed in the backward pass with checkpointing."""
        layer, run = x.layers, Pass(causal=False)
        block = partial(
            self.blocks[layer], connections=self.connections, layer=layer, run=run, slot=layer
        )
        if self.grad_checkpointing and self.training:
            stream = checkpoint(block, x.stream, use_reentrant=False)
        else:
            stream = block(x.stream)
        return Flow(stream, x.grid, layer + 1, self.images[layer](self.output(stream), x.grid))

    def feature(self, x: Any) -> Tensor:
        """Flow -> (B, D, H / 16, W / 16)."""
        return x.image

    def forward_tail(self, x: Any) -> Tensor:
        """Flow -> (B, D, H / 16, W / 16), normalised."""
        complete = x.layers == self.collapses_after
        tokens = self.connections.collapse(x.stream) if complete else self.output(x.stream)
        return as_image(self.norm(tokens), x.grid)

    def prune_intermediate_layers(
        self,
        indices: int | list[int] | None = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Drop all that the features at `indices` do not need; return these, counted from 0.

        The connections stay complete, but do not collapse the stream any more.
        """
        taken, last = feature_take_indices(len(self.feature_info), indices)
        unused = self.stage_names[last + 1 :]
        self.stage_names = self.stage_names[: last + 1]
        del self.blocks[last + 1 :], self.images[last + 1 :]
        if prune_norm or unused:
            self.norm, self.collapses_after = nn.Identity(), 0
        if prune_head or unused:
            self.drop_head()
        return taken


class VisionTransformer(PatchTransformer):
    """(B, in_chans, H, W) -> (B, num_classes); H and W are multiples of 16.

    Initialised as in Big Vision. A linear layer and tanh come before the last layer.
    """

    head: NormMlpClassifierHead | ClassifierHead

    def embed(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Add the fixed positions: (B, h w, D) -> (B, h w, D)."""
        return tokens + positions(grid, tokens.shape[2], tokens)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> mean -> linear, tanh -> (B, num_classes), or the last layer's input."""
        return self.head(x, pre_logits)

    def get_classifier(self, name_only: bool = False) -> nn.Module | str:
        """Return the last layer, or its name."""
        return "head.fc" if name_only else self.head.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer, not the one before it.

        0 classes give Identity, `global_pool=''` no pooling. Raises ValueError for a pooling that
        changes the channels.
        """
        if global_pool and global_pool.endswith("catavgmax"):
            raise ValueError(f"global_pool must be avg, max, avgmax or '', not {global_pool!r}")
        self.num_classes, self.head_hidden_size = num_classes, self.num_features
        if hasattr(self, "head"):
            reset_head(self.head, num_classes, global_pool)
            return
        width, pool = self.num_features, global_pool or ""
        self.head = NormMlpClassifierHead(
            width, num_classes, hidden_size=width, pool_type=pool, norm_layer=nn.Identity
        )

    def drop_head(self) -> None:
        self.num_classes = 0
        self.head = ClassifierHead(self.num_features, 0, pool_type="")

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As Big Vision: Xavier's uniform weights in the layers, LeCun's elsewhere, 0 last."""
        if isinstance(module, nn.Conv2d):
            initialise_lecun(module)
        elif isinstance(module, Attention | Mlp):
            linear: Any
            for linear in (part for part in module.children() if isinstance(part, nn.Linear)):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.normal_(linear.bias, std=1e-6 if isinstance(module, Mlp) else 0.0)
        elif isinstance(module, NormMlpClassifierHead):
            initialise_lecun(module.pre_logits[0])
            for parameter in module.fc.parameters():
                nn.init.zeros_(parameter)


def initialise_lecun(layer: Any) -> None:
    """Draw normal weights of variance 1 / fan_in, cut at two deviations (flax's default)."""
    std = layer.weight[0].numel() ** -0.5 / 0.87962566  # the deviation after the cut
    nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
    nn.init.zeros_(layer.bias)
