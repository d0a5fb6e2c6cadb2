"""Signal propagation plots (2101.08692, Sec. 3): the numbers, block by block, not drawn.

x -> block -> y    mean over channels of (mean of y)^2 and of var y    (over B, H and W)
       branch      mean over channels of the variance at the branch's end, before the skip path
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Signal(NamedTuple):
    """Statistics after one residual block."""

    block: str  # name of the module
    squared_mean: float  # average squared channel mean
    variance: float  # average channel variance
    branch_variance: float  # the same at the end of the residual branch


def _moments(x: Tensor) -> tuple[float, float]:
    variance, mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0)
    return mean.square().mean().item(), variance.mean().item()


def signal_propagation(network: nn.Module, x: Tensor) -> list[Signal]:
    """Return what the paper's Figures 1 and 2 plot, for a network as it is.

    A block is a module with a `drop_path`, which gets the end of its residual branch. BatchNorm is
    used as the network's mode says: in training mode, by the statistics of `x`.

    Args:
        network: Of residual blocks on images.
        x: (B, C, H, W), such as N(0, 1), or training images.

    Raises:
        ValueError: No module of the network has a `drop_path`.

    Example:
        >>> from zoo.models._builder import build_model
        >>> signals = signal_propagation(build_model("resnet20"), torch.randn(2, 3, 8, 8))
        >>> len(signals), signals[0].block
        (9, 'layer1.0')
    """
    ends: dict[str, float] = {}
    signals: list[Signal] = []

    def watch(name: str, block: Any) -> list[Any]:
        def end(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            ends[name] = _moments(args[0])[1]

        def out(_: nn.Module, args: Any, output: Tensor) -> None:
            signals.append(Signal(name, *_moments(output), ends[name]))

        return [block.drop_path.register_forward_pre_hook(end), block.register_forward_hook(out)]

    blocks = {name: part for name, part in network.named_modules() if hasattr(part, "drop_path")}
    if not blocks:
        raise ValueError("the network has no residual blocks, that is modules with a drop_path")
    hooks = [hook for name, block in blocks.items() for hook in watch(name, block)]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return signals
