"""Restoration of random crops of degraded images, each of which has a clean one.

DIR/<set>/input/NAME, DIR/<set>/target/NAME -> crops, mirrored and rotated -> (degraded, clean)
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn
from torchvision.transforms import Normalize

from zoo.checkpoints.loading import fetch_tensors, lock
from zoo.data.benchmarks import DatasetNotFoundError
from zoo.data.image_reading import load_image, to_mode
from zoo.models._sources import open_source
from zoo.training.objective import WHOLE, Batch, Shard, TrainingData

VGG19 = "hf-hub:timm/vgg19.tv_in1k"
CONV5_4 = 34  # index of VGG19's last convolution


@cache
def vgg19_features() -> nn.Sequential:
    """Return torchvision's VGG19 up to conv5_4, frozen: RGB in 0..1 -> (B, 512, H / 16, W / 16).

    Raises:
        WeightsError: the weights cannot be downloaded, or are not those of the lock file.
    """
    with torch.device("meta"):
        vgg19: Any = timm.create_model("vgg19")
    layers = vgg19.features[: CONV5_4 + 1]
    opened = open_source(VGG19)
    tensors, files = fetch_tensors(opened.tensors)
    state = {key: tensors[f"features.{key}"] for key in layers.state_dict()}
    layers.load_state_dict(state, assign=True)
    lock([opened.file, *files])
    network = nn.Sequential(Normalize(IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD), layers)
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Restoration:
    """Mean absolute error (L1), added up over the resolutions of a network that gives several."""

    size: int = 128  # side of a crop in pixels
    steps: int = 1000  # batches in an epoch
    epsilon: float = 0.0  # of sqrt(error^2 + epsilon), the Charbonnier loss; 0: L1
    perceptual: float = 0.0  # weight of the L1 distance between features of VGG19; 0: none
    metric = "squared error"  # of pixels in 0..1

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "PairedCrops":
        if data is None:
            raise DatasetNotFoundError(f"{dataset} needs a folder of data (--data DIR or ZOO_DATA)")
        if self.perceptual:
            vgg19_features()  # what it lacks is said before the first step
        return PairedCrops(self, data / dataset, batch_size)

    def loss(self, output: Tensor | tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Images of `target`'s size, or also at 1/2, 1/4, ... of it, to which it is averaged."""
        losses = []
        for restored in output if isinstance(output, tuple) else (output,):
            target = F.interpolate(target, restored.shape[-2:], mode="bilinear")
            losses.append(self._distance(restored, target))
        return torch.stack(losses).sum()

    def _distance(self, restored: Tensor, clean: Tensor) -> Tensor:
        distance = F.l1_loss(restored, clean)
        if self.epsilon:
            distance = ((restored - clean).square() + self.epsilon).sqrt().mean()
        if self.perceptual:
            features = vgg19_features().to(clean.device)
            distance = distance + self.perceptual * F.l1_loss(features(restored), features(clean))
        return distance

    def metric_sum(self, output: Tensor | tuple[Tensor, ...], target: Tensor) -> float:
        largest = output[0] if isinstance(output, tuple) else output
        return F.mse_loss(largest, target).item() * len(target)


class PairedCrops(TrainingData):
    """Crops of pairs of images, in eight orientations. Files are read when they are drawn.

    An image that is smaller than a crop is mirrored beyond its lower and right edges. Raises
    DatasetNotFoundError if there are no images, or one is without its pair.
    """

    def __init__(self, objective: Restoration, folder: Path, batch_size: int) -> None:
        self.size, self.steps, self.batch_size = objective.size, objective.steps, batch_size
        self.folders = [folder / part for part in ("input", "target")]
        degraded, clean = (
            {file.name for file in part.glob("[!.]*")} if part.is_dir() else set()
            for part in self.folders
        )
        if not degraded | clean:
            raise DatasetNotFoundError(
                f"no {folder.name}/input/* and {folder.name}/target/* in the folder of data"
            )
        if single := sorted(degraded ^ clean):
            raise DatasetNotFoundError(
                f"{folder}: each image is in input/ and in target/, but {single[0]} is in one alone"
            )
        self.names = sorted(degraded)

    def batches(
        self, generator: torch.Generator, start: int = 0, shard: Shard = WHOLE
    ) -> Iterator[Batch]:
        own = slice(shard.rank, None, shard.size)
        with ThreadPoolExecutor() as pool:
            for step in range(self.steps):
                images = torch.randint(len(self.names), (self.batch_size,), generator=generator)
                places = torch.rand(self.batch_size, 3, generator=generator, dtype=torch.float64)
                if step < start:  # drawn, but not read
                    continue
                pairs = pool.map(self._crop, images[own].tolist(), places[own].tolist())
                degraded, clean = (torch.stack(crops) for crops in zip(*pairs, strict=True))
                yield degraded, clean

    def _crop(self, index: int, place: tuple[float, float, float]) -> Batch:
        """Cut the pair at `place`: row, column and orientation, each as a share in 0..1."""
        name, size = self.names[index], self.size
        pair = [np.asarray(to_mode(load_image(part / name), "RGB")) for part in self.folders]
        if pair[0].shape != pair[1].shape:
            raise ValueError(f"{name} has another size in input/ than in target/")
        missing = [(0, max(0, size - side)) for side in pair[0].shape[:2]]
        pair = [np.pad(image, (*missing, (0, 0)), mode="symmetric") for image in pair]
        height, width = pair[0].shape[:2]
        y, x = int(place[0] * (height - size + 1)), int(place[1] * (width - size + 1))
        turns, mirror = divmod(int(place[2] * 8), 2)
        crops = [image[y : y + size, x : x + size][:, :: 1 - 2 * mirror] for image in pair]
        degraded, clean = (
            torch.from_numpy(np.rot90(crop, turns).transpose(2, 0, 1) / np.float32(255))
            for crop in crops
        )
        return degraded, clean
