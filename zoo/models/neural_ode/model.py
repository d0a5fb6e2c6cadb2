"""ODE-Net and its ResNet control on MNIST (Chen et al., NeurIPS 2018, 1806.07366, Sec. 3).

x -> stem, 28x28 to 6x6 or 7x7 -> ODESolve(f, 0, 1)  -> GN ReLU -> average -> fc
                               -> or 6 residual blocks

f(t, h): GN ReLU -> conv [t, h] -> GN ReLU -> conv [t, h] -> GN

What the paper leaves open is as in examples/odenet_mnist.py of the authors' torchdiffeq.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from zoo.models.neural_ode.solvers import make_solver
from zoo.models.neural_ode.units import WIDTH, OdeBlock, ResBlock, norm
from zoo.modules.classifier import Classifier, Head

DOPRI5: Mapping[str, Any] = {"method": "dopri5"}


def around(blocks: list[nn.Module], stem: str, in_chans: int) -> dict[str, Any]:
    """Return what Classifier takes: a stem, `blocks` and what follows them.

    The stem "conv" has two 4x4 convolutions of stride 2, "res" two residual blocks of stride 2.
    """
    first: dict[str, nn.Module] = {"conv1": nn.Conv2d(in_chans, WIDTH, 3)}
    if stem == "res":
        blocks = [ResBlock(2), ResBlock(2), *blocks]
    elif stem == "conv":
        for i in (1, 2):
            first |= {f"norm{i}": norm(), f"act{i}": nn.ReLU()}
            first[f"conv{i + 1}"] = nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)
    else:
        raise ValueError(f"stem must be one of conv, res (Sec. 3), not {stem!r}")
    return {
        "stem": first,
        "pool": nn.Identity(),
        "stages": {f"blocks.{i}": block for i, block in enumerate(blocks)},
        "tail": {"norm": norm(), "act": nn.ReLU()},
    }


def keep(module: nn.Module) -> None:
    """Keep torch's initialisation, as the authors' code does."""


class OdeNet(Classifier):
    """ODE-Net and RK-Net: (B, in_chans, 28, 28) -> (B, num_classes).

    Args:
        stem: "conv" or "res": two convolutions, or two residual blocks, that halve the size.
        solver: The fields of zoo.models.neural_ode.solvers.Solver that are not by default.
        num_classes: Classes; as the next three, timm's.
        in_chans: Channels of an image.
        global_pool: Pooling after the blocks.
        drop_rate: Dropout before the last layer.

    Raises:
        ValueError: There is no such stem, method or number.

    Example:
        >>> import torch
        >>> euler = {"method": "euler", "steps": 4}
        >>> OdeNet(stem="conv", solver=euler)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    initialise = staticmethod(keep)

    def __init__(
        self,
        *,
        stem: str = "res",
        solver: Mapping[str, Any] = DOPRI5,
        num_classes: int = 10,
        in_chans: int = 1,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        head = Head(num_classes, global_pool, drop_rate)
        super().__init__(**around([OdeBlock(make_solver(solver))], stem, in_chans), head=head)


class ControlNet(Classifier):
    """The ResNet that ODE-Net is compared with: `blocks` residual blocks, 6 in the paper."""

    initialise = staticmethod(keep)

    def __init__(
        self,
        *,
        stem: str = "res",
        blocks: int = 6,
        num_classes: int = 10,
        in_chans: int = 1,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        if blocks < 1:
            raise ValueError(f"blocks must be 1 or more (6 in Sec. 3), not {blocks}")
        head = Head(num_classes, global_pool, drop_rate)
        super().__init__(**around([ResBlock() for _ in range(blocks)], stem, in_chans), head=head)
