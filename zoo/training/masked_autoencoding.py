"""Masked autoencoding (2111.06377): the pixels of hidden patches, from an image's other patches.

images, indices of visible patches -> network -> predicted patches -> squared error of hidden ones
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.training.image_classification import load_split, shift_and_flip
from zoo.training.objective import WHOLE, Shard, TrainingData


def split_patches(images: Tensor, patch: int) -> Tensor:
    """(B, C, H, W) -> (B, h w, patch * patch * C): row by row, the channels last.

    Example:
        >>> split_patches(torch.arange(16.0).view(1, 1, 4, 4), 2)[0, 1]
        tensor([2., 3., 6., 7.])
    """
    batch, channels, height, width = images.shape
    grid = images.view(batch, channels, height // patch, patch, width // patch, patch)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, patch**2 * channels)


def normalise(patches: Tensor) -> Tensor:
    """Return patches of mean 0 and variance 1, each by itself."""
    mean, variance = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
    return (patches - mean) / (variance + 1e-6).sqrt()


@dataclass(frozen=True, kw_only=True)
class MaskedAutoencoding:
    """Mean squared error of hidden patches; the network is a recipe's `around`."""

    patch: int = 16  # pixels per side
    hidden: float = 0.75  # share of the patches that the encoder does not see
    normalised: bool = True  # patches of the target have mean 0 and variance 1
    pad: int = 4  # pixels on each side before the random crop
    flip: bool = True  # mirror half of the images
    steps: int = 0  # batches in an epoch; 0: every image once
    metric = "squared error"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "MaskedImages":
        images, _ = load_split(dataset, cfg, data)
        return MaskedImages(self, images, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Predictions (B, T, P), and patches with a last number, 1 if hidden: (B, T, P + 1)."""
        error = (output - target[:, :, :-1]).square().mean(2)
        hidden = target[:, :, -1]
        return (error * hidden).sum() / hidden.sum()

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return len(target) * self.loss(output, target).item()


class MaskedImages(TrainingData):
    """Each image once in an epoch, less a last, smaller batch, with other hidden patches each time.

    Raises ValueError unless the images divide into patches, some of them hidden and some not.
    """

    def __init__(self, objective: MaskedAutoencoding, images: Tensor, batch_size: int) -> None:
        self.objective, self.images = objective, images
        self.batch_size = min(batch_size, len(images))
        self.steps = min(objective.steps or len(images), len(images) // self.batch_size)
        height, width = images.shape[2:]
        patch, hidden = objective.patch, objective.hidden
        self.patches = (height // patch) * (width // patch)
        self.visible = int(self.patches * (1 - hidden))
        if height % patch or width % patch:
            raise ValueError(f"images of {height} x {width} pixels have no patches of {patch}")
        if not 0 < self.visible < self.patches:
            raise ValueError(f"of {self.patches} patches, {self.visible} are visible: see `hidden`")

    def to(self, device: torch.device) -> None:
        self.images = self.images.to(device)

    def draw_epoch(
        self, generator: torch.Generator
    ) -> Iterator[tuple[tuple[Tensor, Tensor], Tensor]]:
        """Yield the whole batches of an epoch."""
        objective = self.objective
        order = torch.randperm(len(self.images), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            images = self.images[chosen.to(self.images.device)]
            images = shift_and_flip(images, objective.pad, objective.flip, generator)
            noise = torch.rand(len(images), self.patches, generator=generator).to(images.device)
            visible = noise.argsort(1)[:, : self.visible]
            hidden = torch.ones_like(noise).scatter(1, visible, 0.0)
            patches = split_patches(images, objective.patch)
            patches = normalise(patches) if objective.normalised else patches
            yield (images, visible), torch.cat([patches, hidden[..., None]], 2)

    def batches(
        self, generator: torch.Generator, start: int = 0, shard: Shard = WHOLE
    ) -> Iterator[tuple[tuple[Tensor, Tensor], Tensor]]:
        # skipped batches are drawn, so that the random state matches an uninterrupted run
        own = slice(shard.rank, None, shard.size)
        for (images, visible), targets in islice(self.draw_epoch(generator), start, None):
            yield (images[own], visible[own]), targets[own]
