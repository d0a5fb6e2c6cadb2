"""Image classification from data sets larger than memory, decoded and augmented by workers.

BENCHMARKS[name] -> workers: decode, augment, stack, mix -> (images, targets)

Each image is drawn from (seed, epoch, position) alone. So an epoch is the same with any number of
workers and processes, and starts at any step at no cost.
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from timm.data import create_transform
from timm.loss import BinaryCrossEntropy
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision.transforms import v2

from zoo.data.benchmarks import BENCHMARKS, Dataset, DatasetNotFoundError
from zoo.data.image_reading import to_mode
from zoo.training.image_classification import ClassificationObjective
from zoo.training.objective import WHOLE, Batch, Shard, TrainingData

IMAGE_STREAM, MIXUP_STREAM = 1, 2  # keep the seeds of images and of mixtures apart

# Principal components of ImageNet's colours and their standard deviations
# (datasets/imagenet.lua of fb.resnet.torch)
DEVIATIONS = torch.tensor([0.2175, 0.0188, 0.0045])
COMPONENTS = torch.tensor(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's generators with `key`, and restore them afterwards.

    torch.manual_seed would seed those of GPUs too.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@dataclass(frozen=True)
class Lighting:
    """AlexNet's colour augmentation (Sec. 4.1 there): add one random colour to an image.

    (3, H, W) in 0..1 -> (3, H, W)
    """

    deviation: float  # of the draw along each principal component

    def __call__(self, image: Tensor) -> Tensor:
        alphas = self.deviation * torch.randn(3) * DEVIATIONS
        return image + (COMPONENTS @ alphas)[:, None, None]


@dataclass(frozen=True)
class Augmentation:
    """Random resized crops, mirrored half of the time, and timm's changes of colour."""

    scale: tuple[float, float] = (0.08, 1.0)  # of the image's area that a crop covers
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  # of a crop's sides
    short_side: tuple[int, int] | None = None  # instead: resize it into this range, then crop
    interpolation: str = ""  # "": as the weights' preprocessing
    # Largest change of brightness, contrast and saturation, or of each of them and of hue.
    color_jitter: float | tuple[float, float, float, float] = 0.0
    lighting: float = 0.0  # deviation of AlexNet's colours; 0: off
    auto_augment: str = ""  # timm's name of a policy, instead of color_jitter
    random_erasing: float = 0.0  # probability of a rectangle of noise

    def transform(self, cfg: Mapping[str, Any]) -> Any:
        """Return the transform for a pretrained_cfg: PIL image -> (C, H, W), normalised."""
        transforms = cast(Any, create_transform)(
            input_size=tuple(cfg["input_size"]),
            is_training=True,
            scale=self.scale,
            ratio=self.ratio,
            color_jitter=self.color_jitter or None,
            auto_augment=self.auto_augment or None,
            interpolation=self.interpolation or cfg["interpolation"],
            mean=tuple(cfg["mean"]),
            std=tuple(cfg["std"]),
            re_prob=self.random_erasing,
            re_mode="pixel",
        ).transforms
        if self.short_side:
            smallest, largest = self.short_side
            resize = v2.RandomShortestSize(list(range(smallest, largest + 1)), antialias=True)
            transforms[:1] = [resize, v2.RandomCrop(cfg["input_size"][1:])]
        if self.lighting:
            names = [type(transform).__name__ for transform in transforms]
            transforms.insert(names.index("Normalize"), Lighting(self.lighting))
        return v2.Compose(transforms)


@dataclass(frozen=True)
class StreamedImageClassification(ClassificationObjective):
    """Classification of images that are read during training."""

    augmentation: Augmentation = Augmentation()
    num_aug_repeats: int = 1  # 3: a third of the set, three times each (repeated augmentation)
    bce_target_threshold: float | None = None  # binary cross entropy; targets above it become 1
    workers: int | None = field(default=None, repr=False)  # None: one for each core

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "ImageStream":
        return ImageStream(self, BENCHMARKS[dataset].open(data), batch_size, cfg)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the cross entropy, or with a threshold the binary one (2110.00476)."""
        if self.bce_target_threshold is None:
            return super().loss(output, target)
        smoothing = self.label_smoothing(target)
        bce = cast(Any, BinaryCrossEntropy)(smoothing, self.bce_target_threshold)
        return cast(Tensor, bce(output, target))


class ImageStream(TrainingData):
    """An epoch has as many images as the set, less a last, smaller batch."""

    def __init__(
        self,
        objective: StreamedImageClassification,
        samples: Dataset,
        batch_size: int,
        cfg: Mapping[str, Any],
    ) -> None:
        if len(samples) < batch_size:
            raise DatasetNotFoundError(
                f"a batch is of {batch_size} images, and there are {len(samples)}"
            )
        self.mixer = objective.mixer(cfg["num_classes"])
        if self.mixer and batch_size % 2:
            raise ValueError(f"mixed images are pairs: a batch must be even, not {batch_size}")
        self.objective, self.samples, self.batch_size = objective, samples, batch_size
        self.steps = len(samples) // batch_size
        self.transform = objective.augmentation.transform(cfg)
        self.mode = {1: "L", 3: "RGB"}[cfg["input_size"][0]]

    def batches(
        self, generator: torch.Generator, start: int = 0, shard: Shard = WHOLE
    ) -> Iterator[Batch]:
        seed = int(torch.randint(2**62, (), generator=generator))
        order = torch.randperm(len(self.samples), generator=generator)
        repeats, count = self.objective.num_aug_repeats, len(order)
        order = order[: -(-count // repeats)].repeat_interleave(repeats)[:count]
        workers = self.objective.workers
        yield from DataLoader(
            Epoch(self, order, seed, shard),
            batch_size=None,
            sampler=range(start, self.steps),
            num_workers=available_cores() // shard.size if workers is None else workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # not the one that dropout draws from
        )


@dataclass(frozen=True)
class Epoch(TorchDataset[Batch]):
    """The batches of one epoch by step."""

    stream: ImageStream
    order: Tensor  # index of the sample at each position
    seed: int
    shard: Shard

    def __getitem__(self, step: int) -> Batch:
        """Return this shard of a batch.

        timm mixes an image with the one as far from the batch's end as it is from the start: a
        shard holds both.
        """
        (rank, world_size), size = self.shard, self.stream.batch_size
        own = [i for i in range(size) if 2 * world_size * min(i, size - 1 - i) // size == rank]
        pairs = [self.image(step * size + i) for i in own]
        images = torch.stack([image for image, _ in pairs])
        labels = torch.tensor([label for _, label in pairs])
        if not self.stream.mixer:
            return images, labels
        with seeded(self.seed, MIXUP_STREAM, step):
            return cast(Batch, self.stream.mixer(images, labels))

    def image(self, position: int) -> tuple[Tensor, int]:
        """Return the augmented image and the label at a position of the epoch."""
        image, label = self.stream.samples[int(self.order[position])]
        with seeded(self.seed, IMAGE_STREAM, position):
            return self.stream.transform(to_mode(image, self.stream.mode)), label


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1
