"""Survival of residual blocks in a training step (1603.09382, Sec. 3).

training:  H <- ReLU(b_l / p_l f(H) + id(H)), b_l drawn to be 1 with p_l, else 0
testing:   H <- ReLU(f(H) + id(H))

The paper has b_l f in training (Eq. 2) and p_l f in testing (Eq. 5). The two are one network: the
last weights of these branches are p_l times the paper's (`recalibrate`). It works for any network
whose blocks have a `drop_path`.
"""

from collections.abc import Callable
from typing import Any

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.modules.stages import pick


class DropBlock(DropPath):
    """One draw for a mini-batch (Sec. 3), where timm's DropPath has one for each sample.

    (B, C, H, W) -> the same shape, all zero or all divided by p_l.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.drop_prob:
            return x
        survival = 1 - self.drop_prob
        return x * x.new_empty(1).bernoulli_(survival) / survival


Rule = Callable[[float, int, int], float]  # (1 - p_L, l, L) -> 1 - p_l, l from 1
RULES: dict[str, Rule] = {
    "linear": lambda rate, place, last: rate * place / last,  # Eq. 4
    "uniform": lambda rate, place, last: rate,
}
DRAWS: dict[str, type[DropPath]] = {"batch": DropBlock, "sample": DropPath}


def blocks_of(model: nn.Module) -> list[Any]:
    """Return the L residual blocks of a network, in order."""
    return [module for module in model.modules() if hasattr(module, "drop_path")]


def stochastic_depth(
    model: nn.Module, drop_path_rate: float, *, rule: str = "linear", draw: str = "batch"
) -> None:
    """Set the survival probability of every residual block.

    timm's rule starts from 0 at the first block, Eq. 4 from 0 at its input. Raises ValueError for a
    rate outside [0, 1).
    """
    rate_of, drop = pick(RULES, rule, "rule (Sec. 3)"), pick(DRAWS, draw, "draw (Sec. 1)")
    if not 0 <= drop_path_rate < 1:
        raise ValueError(f"1 - p_L must be at least 0 and below 1 (Eq. 4), not {drop_path_rate}")
    blocks = blocks_of(model)
    for place, block in enumerate(blocks, 1):
        rate = rate_of(drop_path_rate, place, len(blocks))
        block.drop_path = drop(rate).train(block.training) if rate else nn.Identity()


def survival(block: Any) -> float:
    """Return p_l of a block."""
    return 1 - float(getattr(block.drop_path, "drop_prob", 0))


@torch.no_grad()
def recalibrate(model: nn.Module) -> None:
    """Apply Eq. 5 to weights that were trained by Eq. 2.

    Multiplies the last layer of each branch, a convolution or BatchNorm, by p_l.
    """
    for block in blocks_of(model):
        layers = [
            layer
            for name, layer in block.named_children()
            if name != "downsample" and isinstance(layer, nn.Conv2d | nn.BatchNorm2d)
        ]
        for parameter in layers[-1].parameters():
            parameter.mul_(survival(block))
