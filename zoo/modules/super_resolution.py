"""The super-resolution network that papers share since EDSR (1707.02921).

x -> sub_mean -> head -> body -> (+ head) -> tail -> add_mean -> y
"""

from collections.abc import Callable
from typing import Any

import torch
from timm.models import checkpoint_seq
from torch import Tensor, nn

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)  # of its 800 training images, RGB in 0..1


class MeanShift(nn.Module):
    """y = W x + b per pixel, (B, 3, H, W) -> (B, 3, H, W): initially W = 1 and b = `shift`.

    A checkpoint may hold other values, trained by mistake. Always in float32 or better, because the
    mean of an image in 0..255 has more digits than bf16.
    """

    def __init__(self, shift: tuple[float, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3).view(3, 3, 1, 1), requires_grad=False)
        self.bias = nn.Parameter(torch.tensor(shift), requires_grad=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        def without_half(tensor: Tensor) -> Tensor:
            cast = fn(tensor)
            return cast if cast.dtype.itemsize >= 4 else tensor.to(cast.device)

        return super()._apply(without_half, recurse)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        mixed = x.unsqueeze(1) * self.weight[None]  # not F.conv2d, which autocast would do in bf16
        return mixed.sum(2) + self.bias.view(-1, 1, 1)


class ResidualBlock(nn.Module):
    """x + res_scale * conv(relu(conv(x))), without BatchNorm: (B, C, H, W) -> (B, C, H, W).

    1707.02921, Fig. 2c. `last` layers may follow the second convolution.
    """

    def __init__(
        self, channels: int, *last: nn.Module, kernel_size: int = 3, res_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.res_scale = res_scale
        self.body = nn.Sequential(
            conv(channels, channels, kernel_size),
            nn.ReLU(inplace=True),
            conv(channels, channels, kernel_size),
            *last,
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.mul_(self.res_scale).add_(x) if self.res_scale != 1 else out.add_(x)


class RectifiedResidual(nn.Module):
    """relu(x + layers(x)): (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out.add_(x).relu_()


class ChannelAttention(nn.Module):
    """x * s, s = sigmoid(W_U relu(W_D avg(x))): (B, C, H, W) -> (B, C, H, W).

    1807.02758, Eqs. 9-11. The average is over the whole input, so it differs between an image and
    its crops.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            nn.Conv2d(channels, channels // reduction, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv_du(x.mean((2, 3), keepdim=True))


def conv(c_in: int, c_out: int, kernel_size: int = 3, groups: int = 1) -> nn.Conv2d:
    """Convolution that keeps the size of the image."""
    return nn.Conv2d(c_in, c_out, kernel_size, padding=kernel_size // 2, groups=groups)


def mirror_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Mirror an image beyond its lower and right edges, (B, C, H, W), to sides in multiples.

    An image that is smaller than what it lacks is mirrored to and fro: 0 1 2 1 0 1 2 1.
    """
    height, width = x.shape[-2:]
    if height % multiple == 0 and width % multiple == 0:
        return x
    rows, columns = (_mirrored(size, multiple).to(x.device) for size in (height, width))
    return x[..., rows[:, None], columns]


def _mirrored(size: int, multiple: int) -> Tensor:
    """Return 0, 1, .., size - 1, size - 2, .. up to a multiple."""
    period = max(2 * (size - 1), 1)
    steps = torch.arange(-(-size // multiple) * multiple) % period
    return torch.minimum(steps, period - steps)


def upsampler(
    channels: int,
    scale: int,
    *,
    groups: int = 1,
    before: Callable[[], list[nn.Module]] = list,
    after: Callable[[], list[nn.Module]] = list,
) -> nn.Sequential:
    """Sub-pixel convolutions (1609.05158): (B, C, H, W) -> (B, C, scale * H, scale * W).

    One for x2 and x3, x2 two or three times for x4 and x8. `before` and `after` make layers around
    each shuffling of pixels.
    """
    factors = {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]
    layers: list[nn.Module] = []
    for r in factors:
        layers += [conv(channels, r * r * channels, groups=groups), *before()]
        layers += [nn.PixelShuffle(r), *after()]
    return nn.Sequential(*layers)


class SuperResolutionNet(nn.Module):
    """RGB in 0..1, (B, 3, H, W) -> (B, 3, scale * H, scale * W), not clipped.

    `head` begins with a convolution; inside, pixels are in 0..rgb_range minus DIV2K's mean. A
    network for several `scales` upscales by `scale` unless a call has another.
    """

    head: nn.Sequential

    def __init__(
        self,
        *,
        head: nn.Sequential,
        body: nn.Module,
        tail: nn.Module,
        scale: int,
        scales: tuple[int, ...] = (),
        rgb_range: float = 255.0,
    ) -> None:
        super().__init__()
        self.scale, self.scales = scale, scales or (scale,)
        self.rgb_range, self.grad_checkpointing = rgb_range, False
        if scale not in self.scales:
            known = ", ".join(map(str, self.scales))
            raise ValueError(f"scale must be one that the network has ({known}), not {scale}")
        self.sub_mean: nn.Module = MeanShift(tuple(-rgb_range * mean for mean in DIV2K_MEAN))
        self.head, self.body, self.tail = head, body, tail
        self.add_mean: nn.Module = MeanShift(tuple(rgb_range * mean for mean in DIV2K_MEAN))

    def forward_body(self, x: Tensor) -> Tensor:
        """Features -> features, blocks recomputed in the backward pass with checkpointing."""
        if self.grad_checkpointing and self.training:
            return checkpoint_seq(self.body, x)
        return self.body(x)

    def restore(self, features: Tensor, scale: int) -> Tensor:
        """Features of the input -> output minus the mean, with the long skip."""
        output: Tensor = self.tail(self.forward_body(features).add_(features))
        return output

    def forward(self, x: Tensor, scale: int | None = None) -> Tensor:
        centred = self.sub_mean(x * self.rgb_range)
        features = self.head(centred.to(self.head[0].weight.dtype))
        output = self.add_mean(self.restore(features, scale or self.scale))
        return (output / self.rgb_range).to(x.dtype)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable
