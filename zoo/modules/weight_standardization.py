"""Scaled weight standardisation (2101.08692): convolutions that keep mean and variance.

W -> (W - mean) / (std * sqrt(N)) -> * gamma * gain -> conv        N = fan-in of a filter

Keys are timm's: weight, bias, gain.
"""

import torch
from torch import Tensor, nn


class ScaledStdConv2d(nn.Conv2d):
    """Sec. 4.2: of inputs of variance 1 / gamma^2 it makes outputs of mean 0 and variance 1.

    Mean and standard deviation are those of each filter, at every pass, in training too. Padded to
    keep the size, but for the stride. (B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    Args:
        c_in: Input channels.
        c_out: Output channels.
        kernel: Pixels per side.
        stride: Of the window.
        groups: Of channels.
        gamma: 1 / the standard deviation of what the input has passed, such as ReLU of N(0, 1).
        gain: Initial value of a learnt scale for each output channel.
    """

    eps = 1e-5  # added to the variance, as in timm

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        gamma: float = 1.0,
        gain: float = 1.0,
    ) -> None:
        super().__init__(c_in, c_out, kernel, stride, kernel // 2, groups=groups)
        self.scale = gamma * self.weight[0].numel() ** -0.5
        self.gain = nn.Parameter(torch.full((c_out, 1, 1, 1), gain))

    def standardised(self) -> Tensor:
        """Return the weights of the convolution, (c_out, c_in / groups, kernel, kernel)."""
        variance, mean = torch.var_mean(self.weight, (1, 2, 3), correction=0, keepdim=True)
        return (self.weight - mean) * (self.gain * self.scale * (variance + self.eps).rsqrt())

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.standardised(), self.bias)
