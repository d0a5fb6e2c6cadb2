"""Squeeze-and-excitation (1709.01507): a gate for every channel, from the means of all channels.

x -> mean over the pixels -> 1x1 ReLU -> 1x1 sigmoid -> (* x)         keys: fc1 fc2, as in timm
"""

from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Sec. 3: (B, channels, H, W) -> x * s, of the same shape.

        s = sigmoid(W_2 relu(W_1 z + b_1) + b_2)    z = mean of x over H and W    (Eqs. 2 and 3)

    Args:
        channels: Of the input.
        hidden: Rows of W_1: channels / r with the paper's reduction ratio r.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.act = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def gate(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> s, (B, channels, 1, 1), in (0, 1)."""
        return self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)
