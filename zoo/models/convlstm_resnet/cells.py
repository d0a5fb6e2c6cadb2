"""Convolutional recurrent cells, the regulators of 2101.00590: (x, state) -> state.

x, h, c: (B, N, H, W)    W * [x, h]: N pairs of channels to N, 1x1, then 3x3 within each channel

RNN   h = tanh(W * [x, h])
GRU   z, r = sigmoid(W * [x, h])    n = tanh(W * [x, r h])    h = (1 - z) n + z h
LSTM  i, f, o = sigmoid(W * [x, h])    g = tanh(W * [x, h])    c = f c + i g    h = o tanh(c)
"""

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]  # h, or h and c


class LightConv(nn.Module):
    """W * [x, h], of `gates` gates: two (B, N, H, W) -> (B, gates * N, H, W).

    A group of the 1x1 has a channel of x and the same channel of h.
    """

    def __init__(self, channels: int, gates: int) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(2 * channels, gates * channels, 1, groups=channels)
        self.spatial = nn.Conv2d(
            gates * channels, gates * channels, 3, padding=1, groups=gates * channels
        )
        self.gates = gates

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Return the gates one after the other, N channels each."""
        y = self.spatial(self.fuse(torch.stack((x, h), 2).flatten(1, 2)))
        return y.unflatten(1, (-1, self.gates)).transpose(1, 2).flatten(1, 2)


class RNN(nn.Module):
    """The plain cell."""

    states = 1

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = LightConv(channels, 1)

    def forward(self, x: Tensor, state: State) -> State:
        return (self.conv(x, state[0]).tanh(),)


class GRU(nn.Module):
    """The gated recurrent unit."""

    states = 1

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = LightConv(channels, 2)
        self.candidate = LightConv(channels, 1)

    def forward(self, x: Tensor, state: State) -> State:
        update, reset = self.gates(x, state[0]).sigmoid().chunk(2, 1)
        new = self.candidate(x, reset * state[0]).tanh()
        return (torch.lerp(new, state[0], update),)


class LSTM(nn.Module):
    """Long short-term memory, without peepholes."""

    states = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = LightConv(channels, 4)

    def forward(self, x: Tensor, state: State) -> State:
        gate_in, forget, gate_out, new = self.conv(x, state[0]).chunk(4, 1)
        c = forget.sigmoid() * state[1] + gate_in.sigmoid() * new.tanh()
        return gate_out.sigmoid() * c.tanh(), c


CELLS: dict[str, type[RNN | GRU | LSTM]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
