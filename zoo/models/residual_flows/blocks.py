"""Invertible residual blocks: x + g(x), with g of LipSwish and layers whose norms are bounded."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from zoo.models.residual_flows import logdet
from zoo.models.residual_flows.layers import InducedNormLinear, LipSwish, SpectralConv2d

TOLERANCE, MOST_STEPS = 1e-5, 1000  # of the inverse: absolute and relative, and its iteration


class Block(nn.Module):
    """Sec. 2: x + g(x), with a Lipschitz constant of g below 1.

    Args:
        layers: Linear layers or convolutions with bounded norms, LipSwish before each.
        activate_first: Whether there is a LipSwish before the first layer too.
    """

    def __init__(
        self,
        layers: Sequence[InducedNormLinear | SpectralConv2d],
        *,
        activate_first: bool = True,
    ) -> None:
        super().__init__()
        self.bare = 0 if activate_first else 1  # first layers without an activation
        self.activations = nn.ModuleList(LipSwish() for _ in layers[self.bare :])
        self.layers: Any = nn.ModuleList(layers)

    def residual(self, x: Tensor) -> tuple[Tensor, logdet.Pullback]:
        """Return g(x), and v -> v^T J of its Jacobian J."""
        steps = []
        activations = [None] * self.bare + [*self.activations]
        for activation, layer in zip(activations, self.layers, strict=True):
            x, slope = activation(x) if activation else (x, None)
            weight = layer.bounded()
            x = layer.push(x, weight)
            steps.append((layer, weight, slope))

        def pullback(v: Tensor) -> Tensor:
            for layer, weight, slope in reversed(steps):
                v = layer.pull(v, weight)
                v = v if slope is None else v * slope
            return v

        return x, pullback

    def inverse(self, y: Tensor) -> Tensor:
        """Return x of y = x + g(x). Raises RuntimeError if the iteration does not settle."""
        x, before = y - self.residual(y)[0], y
        tolerance = TOLERANCE * (1 + y.abs())
        for _ in range(MOST_STEPS):
            if bool(((x - before).abs() < tolerance).all()):
                return x
            x, before = y - self.residual(x)[0], x
        raise RuntimeError(f"a block's inverse did not settle in {MOST_STEPS} steps")


def linear_block(widths: Sequence[int], norms: Sequence[float], coeff: float) -> Block:
    """Return a block of linear layers; the last width is the first."""
    return Block(
        [
            InducedNormLinear(*widths[i : i + 2], norms=(norms[i], norms[i + 1]), coeff=coeff)
            for i in range(len(widths) - 1)
        ]
    )


def conv_block(
    channels: int, width: int, *, side: int, coeff: float, activate_first: bool = True
) -> Block:
    """Return a block of a 3x3, a 1x1 and a 3x3 convolution of maps of one side."""
    sizes = ((channels, width, 3), (width, width, 1), (width, channels, 3))
    layers = [SpectralConv2d(*size, side=side, coeff=coeff) for size in sizes]
    return Block(layers, activate_first=activate_first)
