"""Gates of SkipNet (1711.09485, Sec. 3.1, Fig. 3), and what they decide.

ff1   max 2x2 -> 3x3 BN ReLU -> 3x3/2 BN ReLU -> mean -> 1x1 -> softmax
ff2                             3x3/2 BN ReLU -> mean -> 1x1 -> softmax
rnn   mean -> 1x1 -> LSTM of 10 units, shared by all blocks -> linear -> sigmoid

x -> evidence (B, n) -> S(x) (B, 1), the probability that the block is executed -> G(x)
"""

from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.post_activation import conv

UNITS = 10  # of the LSTM, and what each block feeds it

Memory = tuple[Tensor, Tensor] | None  # h and c of the LSTM, (B, 10) each
Decision = Callable[[Tensor, bool], Tensor]  # (S(x), in training) -> G(x)


def feed_forward_gate(width: int, *, pooled: bool) -> nn.Sequential:
    """FFGate-I if `pooled`, else FFGate-II: (B, width, H, W) -> (B, 2)."""
    layers: dict[str, nn.Module] = {}
    if pooled:
        layers["pool"] = nn.MaxPool2d(2, ceil_mode=True)
    for i, stride in enumerate((1, 2) if pooled else (2,), 1):
        layers[f"conv{i}"] = conv(width, width, 3, stride)
        layers[f"bn{i}"] = nn.BatchNorm2d(width)
        layers[f"act{i}"] = nn.ReLU(inplace=True)
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["fc"] = nn.Conv2d(width, 2, 1)
    return nn.Sequential(OrderedDict(layers, flat=nn.Flatten()))


def recurrent_gate(width: int) -> nn.Sequential:
    """The part of RNNGate that each block has: (B, width, H, W) -> (B, 10)."""
    layers = {
        "mean": nn.AdaptiveAvgPool2d(1),
        "fc": nn.Conv2d(width, UNITS, 1),
        "flat": nn.Flatten(),
    }
    return nn.Sequential(OrderedDict(layers))


def softmax(evidence: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
    """Return S(x) of a feed-forward gate."""
    return evidence.softmax(1)[:, 1:], memory


class Cell(nn.LSTMCell):
    """An LSTM's step in operations that torch.func.vmap knows."""

    def forward(self, x: Tensor, memory: Memory = None) -> tuple[Tensor, Tensor]:
        h, c = memory or (torch.zeros_like(x), torch.zeros_like(x))
        parts = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(
            h, self.weight_hh, self.bias_hh
        )
        i, f, g, o = parts.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class Recurrent(nn.Module):
    """The part of RNNGate that all blocks share: evidence, memory -> S(x), the next memory."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell(UNITS, UNITS)
        self.proj = nn.Linear(UNITS, 1)

    def forward(self, evidence: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        h, c = self.cell(evidence, memory)
        return self.proj(h).sigmoid(), (h, c)


def threshold(probability: Tensor) -> Tensor:
    """Return 1 where a block is executed: S(x) >= 0.5 (Eq. 7)."""
    return (probability >= 0.5).to(probability.dtype)


def hard(probability: Tensor, training: bool) -> Tensor:
    """Eq. 7: the threshold, with the gradient of S(x)."""
    return threshold(probability) + (probability - probability.detach())


def soft(probability: Tensor, training: bool) -> Tensor:
    """Sec. 4.3: S(x) itself in training, the threshold in testing."""
    return probability if training else threshold(probability)


def sampled(probability: Tensor, training: bool) -> Tensor:
    """Eq. 4: drawn by S(x) in training, without a gradient; the threshold in testing."""
    probability = probability.detach()
    return torch.bernoulli(probability) if training else threshold(probability)


DECISIONS: dict[str, Decision] = {"hard": hard, "soft": soft, "sampled": sampled}
