"""Decayed identity shortcuts for any network of the zoo with a residual stream (2404.10947).

x_{l+1} = alpha_l x_l + f_l(x_l)    alpha falls linearly from 1 to min_decay; no parameters

    decay_shortcuts(zoo.create("resnet50"), 0.7)    # its 16 blocks
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.shortcuts import add


def decays(count: int, min_decay: float) -> list[float]:
    """Return alpha of each of `count` shortcuts, the first 1 and the last `min_decay`.

    Raises:
        ValueError: `min_decay` is not from 0 to 1.

    Example:
        >>> decays(3, 0.5)
        [1.0, 0.75, 0.5]
    """
    if not 0 <= min_decay <= 1:
        raise ValueError(f"min_decay must be from 0 to 1 (alpha_min), not {min_decay}")
    return [1 - (1 - min_decay) * i / max(count - 1, 1) for i in range(count)]


class DecayedStream(ResidualStream):
    """The stream of a transformer, whose attentions and feed-forward networks have an alpha each.

    It is made as other streams are: connections=partial(DecayedStream, min_decay=0.7).
    """

    def __init__(self, layers: int, width: int, *, min_decay: float) -> None:
        super().__init__(layers, width)
        self.alphas = decays(2 * layers, min_decay)

    def write(self, sublayer: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        alpha = self.alphas[2 * sublayer.layer + (not sublayer.is_attention)]
        return alpha * residual + out


def add_decayed(branch: Tensor, skip: Tensor, *, alpha: float) -> Tensor:
    """alpha x + F(x)."""
    return torch.add(branch, skip, alpha=alpha)


def decay_shortcuts(network: nn.Module, min_decay: float) -> None:
    """Give every residual block of a convolutional network its alpha, in the order of definition.

    A projection counts as a shortcut. Weights and keys stay as they are.

    Raises:
        ValueError: `min_decay` is not from 0 to 1, or the network has no blocks that add.

    Example:
        >>> import zoo
        >>> network = zoo.create("resnet20")
        >>> decay_shortcuts(network, 0.7)
    """
    blocks: list[Any] = [m for m in network.modules() if getattr(m, "merge", None) is add]
    if not blocks:
        raise ValueError(f"a {type(network).__name__} has no residual blocks that add")
    for block, alpha in zip(blocks, decays(len(blocks), min_decay), strict=True):
        block.merge = partial(add_decayed, alpha=alpha)
