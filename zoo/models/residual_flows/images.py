"""Residual Flows of images (1906.02735, Sec. 5): scales of invertible convolutional blocks.

pixels -> logit -> ActNorm -> (block -> ActNorm) x 16 -> squeeze -> ... -> linear blocks -> z
log p(pixels) = log N(z; 0, I) + sum of log |det|
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.models.residual_flows import logdet
from zoo.models.residual_flows.blocks import conv_block, linear_block
from zoo.models.residual_flows.layers import ActNorm

LEVELS = 256  # of a pixel


class ResidualFlow(nn.Module):
    """A density of images: pixels from 0 to below 256, (B, C, H, W) -> log p, (B,) in nats.

    A pixel of 8 bits plus uniform noise from 0 to 1 makes -log p / (C H W log 2) the bits per
    dimension that papers print. log |det| is estimated without bias, in evaluation too, where
    each image's noise comes from a seed. What is no image, with a pixel out of range, has a
    density of 0, and log p is minus infinity.

    Args:
        in_chans: Channels of an image.
        img_size: Height and width of an image.
        blocks: Convolutional blocks of each scale; between scales 2x2 pixels become channels.
        width: Channels within a block.
        end_blocks: Linear blocks at the end.
        end_width: Units of their two hidden layers.
        coeff: Bound of each layer's norm.
        alpha: Pixels are squeezed into alpha to 1 - alpha before the logit.
        terms: Terms of the series for log |det| that always come in training.
        evaluation_terms: The same in evaluation.
        distribution: Of the number of further terms: "poisson" of mean 2, as in the authors' code,
            or "geometric" of p = 0.5.
        unbiased: False: no further terms in training.
        gradient: "neumann" or, with more memory, "series".
        factor_out: Half of the channels leave the flow after each scale.
        squeeze_first: 2x2 pixels become channels before the first scale too.

    Raises ValueError for a number or a name that is none of these.

    Example:
        >>> flow = ResidualFlow(img_size=8, blocks=(1, 1), width=4, end_blocks=1).eval()
        >>> flow(torch.full((3, 1, 8, 8), 127.5)).shape
        torch.Size([3])
    """

    def __init__(
        self,
        *,
        in_chans: int = 1,
        img_size: int = 28,
        blocks: tuple[int, ...] = (16, 16, 16),
        width: int = 512,
        end_blocks: int = 4,
        end_width: int = 128,
        coeff: float = 0.98,
        alpha: float = 1e-6,
        terms: int = 2,
        evaluation_terms: int = 20,
        distribution: str = "poisson",
        unbiased: bool = True,
        gradient: str = "neumann",
        factor_out: bool = False,
        squeeze_first: bool = False,
    ) -> None:
        if distribution not in logdet.DISTRIBUTIONS or gradient not in logdet.GRADIENTS:
            raise ValueError(
                f"distribution is of {', '.join(logdet.DISTRIBUTIONS)} and gradient of "
                f"{', '.join(logdet.GRADIENTS)}, not {distribution!r} and {gradient!r}"
            )
        if not (0 < coeff < 1 and 0 < alpha < 0.5) or min(terms, evaluation_terms) < 1:
            raise ValueError(
                "coeff must be between 0 and 1, alpha between 0 and 0.5, and terms 1 or more, not "
                f"{coeff}, {alpha}, {terms} and {evaluation_terms}"
            )
        if not blocks or img_size % 2 ** (len(blocks) - 1 + squeeze_first):
            raise ValueError(f"sides of {img_size} cannot be halved for the scales of {blocks}")
        super().__init__()
        self.shape, self.alpha, self.factor_out = (in_chans, img_size, img_size), alpha, factor_out
        self.terms, self.evaluation_terms, self.unbiased = terms, evaluation_terms, unbiased
        self.distribution, self.gradient = distribution, gradient
        self.squeeze_first = squeeze_first
        shape = (4 * in_chans, img_size // 2) if squeeze_first else (in_chans, img_size)
        self.scales: Any = nn.ModuleList()
        for scale, number in enumerate(blocks):
            if scale:
                shape = ((2 if factor_out else 4) * shape[0], shape[1] // 2)
            self.scales.append(_scale(*shape, number, width, coeff, first=not scale))
        self.last_shape = (shape[0], shape[1], shape[1])
        features = math.prod(self.last_shape)
        sizes = (features, end_width, end_width, features)
        self.end: Any = nn.ModuleList()
        for _ in range(end_blocks):
            self.end += [linear_block(sizes, (2.0,) * 4, coeff), ActNorm(features)]

    def encode(self, x: Tensor, estimate: logdet.Estimate) -> tuple[Tensor, Tensor]:
        """Return z (B, C H W), and log |det dz / dx| (B,) with each block's as estimated."""
        share = self.alpha + (1 - 2 * self.alpha) * x / LEVELS
        slope = math.log((1 - 2 * self.alpha) / LEVELS) - (share - share.square()).log()
        total = slope.flatten(1).sum(1)
        x = torch.logit(share)
        x = F.pixel_unshuffle(x, 2) if self.squeeze_first else x
        parts = []
        for scale, steps in enumerate(self.scales):
            if scale:
                x = F.pixel_unshuffle(x, 2)
            if scale and self.factor_out:
                x, half = x.chunk(2, 1)
                parts.append(half.flatten(1))
            x, total = _encode(steps, x, total, estimate)
        x, total = _encode(self.end, x.flatten(1), total, estimate)
        return torch.cat([*parts, x], 1), total

    def forward(self, x: Tensor, seeds: Sequence[int] | None = None) -> Tensor:
        """Return log p of images.

        Args:
            x: (B, C, H, W), pixels plus noise.
            seeds: Of each image's noise in evaluation; 0 for each by default.
        """
        inside = ((x >= 0) & (x < LEVELS)).flatten(1).all(1)
        estimate: logdet.Estimate = self._training_estimate
        if not self.training:
            seeds = [0] * len(x) if seeds is None else seeds
            estimate = logdet.seeded(self.evaluation_terms, self.distribution, seeds)
        z, log_determinant = self.encode(x.clamp(0, LEVELS), estimate)
        normal = -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return torch.where(inside, normal + log_determinant, -math.inf)

    def _training_estimate(self, pullback: logdet.Pullback, x: Tensor) -> Tensor:
        drawn = logdet.DISTRIBUTIONS[self.distribution].draw(None) if self.unbiased else 0
        coefficients = logdet.roulette(self.terms, drawn, self.distribution)
        return logdet.GRADIENTS[self.gradient](pullback, torch.randn_like(x), coefficients)

    @torch.no_grad()
    def inverse(self, z: Tensor) -> Tensor:
        """Return the images that z (B, C H W) comes from, pixels plus noise."""
        *halves, last = self._split(z)
        x = _invert(self.end, last.flatten(1)).view(-1, *self.last_shape)
        for scale in reversed(range(len(self.scales))):
            x = _invert(self.scales[scale], x)
            if scale and self.factor_out:
                x = torch.cat([x, halves[scale - 1].view(x.shape)], 1)
            if scale or self.squeeze_first:
                x = F.pixel_shuffle(x, 2)
        return (torch.sigmoid(x) - self.alpha) / (1 - 2 * self.alpha) * LEVELS

    def _split(self, z: Tensor) -> Sequence[Tensor]:
        """Return what left the flow after each scale, and what stayed to the end."""
        if not self.factor_out:
            return [z]
        size = math.prod(self.shape)
        sizes = [size // 2**scale for scale in range(1, len(self.scales))]
        return torch.split(z, [*sizes, size - sum(sizes)], 1)

    def sample(self, images: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw images from the density: (images, C, H, W), pixels plus noise."""
        like = next(self.parameters())
        z = torch.randn(images, math.prod(self.shape), generator=generator, dtype=like.dtype)
        return self.inverse(z.to(like.device))


def _scale(
    channels: int, side: int, blocks: int, width: int, coeff: float, *, first: bool
) -> nn.ModuleList:
    """Return the blocks of a scale, ActNorm after each; in the first scale one before them too."""
    steps = nn.ModuleList([ActNorm(channels)] if first else [])
    for block in range(blocks):
        bare = first and not block
        steps.append(conv_block(channels, width, side=side, coeff=coeff, activate_first=not bare))
        steps.append(ActNorm(channels))
    return steps


def _encode(
    steps: Any, x: Tensor, total: Tensor, estimate: logdet.Estimate
) -> tuple[Tensor, Tensor]:
    for step in steps:
        if isinstance(step, ActNorm):
            x, change = step(x)
        else:
            move, pullback = step.residual(x)
            x, change = x + move, estimate(pullback, x)
        total = total + change
    return x, total


def _invert(steps: Any, x: Tensor) -> Tensor:
    for step in reversed(steps):
        x = step.inverse(x)
    return x
