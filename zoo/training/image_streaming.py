"""Image sets that are larger than memory: workers decode, cut and change what is learnt from.

BENCHMARKS[set] -> workers: decode, augment, stack, mix -> (images, targets)

What is seen at each place of an epoch is drawn from (seed, epoch, place) alone. So it is the same
with any number of workers and of processes, and an epoch begins at any step at no cost.
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
import torch.nn.functional as F
from timm.data import Mixup, create_transform
from timm.loss import BinaryCrossEntropy
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision.transforms import v2

from zoo.data.benchmarks import BENCHMARKS, Dataset, DatasetNotFoundError
from zoo.training.objective import WHOLE, Batch, Shard

IMAGE, MIXTURE = 1, 2  # what is drawn for

# The colours of ImageNet along their principal components, and how far they reach: datasets/
# imagenet.lua of fb.resnet.torch.
REACH = torch.tensor([0.2175, 0.0188, 0.0045])
COMPONENTS = torch.tensor(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


@contextmanager
def drawing_from(*key: int) -> Iterator[None]:
    """What Python's, numpy's and torch's generators draw within is decided by `key`, and they are
    left as they were. torch.manual_seed would set those of GPUs too."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])


@dataclass(frozen=True)
class Lighting:
    """AlexNet's colour augmentation (Sec. 4.1 there): one colour is added to every pixel of an
    image (3, H, W) in 0..1, along each component as far as a draw with this deviation says."""

    deviation: float

    def __call__(self, image: Tensor) -> Tensor:
        far = self.deviation * torch.randn(3) * REACH
        return image + (COMPONENTS @ far)[:, None, None]


@dataclass(frozen=True)
class Augmentation:
    """What timm does to an image: a crop of `scale` of its area and of a `ratio` of its sides, by
    `interpolation` (that of the weights if it is ""), mirrored half of the time; brightness,
    contrast and saturation changed by up to `jitter`; `auto_augment` in timm's words instead of
    that; erased with probability `erasing`, by noise.

    With `shorter`, the crop is of the image whose shorter side was brought to a length between
    these two (1512.03385, Sec. 3.4). `lighting` is AlexNet's change of colours.
    """

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    shorter: tuple[int, int] | None = None
    interpolation: str = ""
    jitter: float = 0.0
    lighting: float = 0.0
    auto_augment: str = ""
    erasing: float = 0.0

    def transform(self, cfg: Mapping[str, Any]) -> Any:
        """PIL image -> (C, H, W), normalised, for a pretrained_cfg."""
        chain = cast(Any, create_transform)(
            input_size=tuple(cfg["input_size"]),
            is_training=True,
            scale=self.scale,
            ratio=self.ratio,
            color_jitter=self.jitter or None,
            auto_augment=self.auto_augment or None,
            interpolation=self.interpolation or cfg["interpolation"],
            mean=tuple(cfg["mean"]),
            std=tuple(cfg["std"]),
            re_prob=self.erasing,
            re_mode="pixel",
        ).transforms
        if self.shorter:
            first, last = self.shorter
            resize = v2.RandomShortestSize(list(range(first, last + 1)), antialias=True)
            chain[:1] = [resize, v2.RandomCrop(cfg["input_size"][1:])]
        if self.lighting:
            names = [type(step).__name__ for step in chain]
            chain.insert(names.index("Normalize"), Lighting(self.lighting))
        return v2.Compose(chain)


@dataclass(frozen=True)
class StreamedImageClassification:
    """Classes of images that are read while they are learnt: labels smoothed, pairs of images mixed
    (timm's Mixup, half of the batches each if there are both), a third of the set three times if
    there are three `repeats` (1902.05509: repeated augmentation).

    The loss is cross entropy; with `above`, it is that of one yes or no for each class
    (2110.00476), where yes is what the target has more of than that.
    """

    augmentation: Augmentation = Augmentation()
    smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    repeats: int = 1
    above: float | None = None
    workers: int | None = field(default=None, repr=False)  # a core each, if it is not said
    metric = "error"  # in percent

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "ImageStream":
        return ImageStream(self, BENCHMARKS[dataset].open(data), batch_size, cfg)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        mixed = target.is_floating_point()  # and smoothed, when it was mixed
        smoothing = 0.0 if mixed else self.smoothing
        if self.above is None:
            return F.cross_entropy(output, target, label_smoothing=smoothing)
        found: Tensor = cast(Any, BinaryCrossEntropy)(smoothing, self.above)(output, target)
        return found

    def faults(self, output: Tensor, target: Tensor) -> float:
        """Of mixed images, those that are not called by what there is most of."""
        wanted = target.argmax(1) if target.is_floating_point() else target
        return 100 * (output.argmax(1) != wanted).sum().item()


class ImageStream:
    """As many images in an epoch as there are, less a rest smaller than a batch."""

    def __init__(
        self,
        lesson: StreamedImageClassification,
        samples: Dataset,
        batch_size: int,
        cfg: Mapping[str, Any],
    ) -> None:
        if len(samples) < batch_size:
            raise DatasetNotFoundError(
                f"a batch is of {batch_size} images, and there are {len(samples)}"
            )
        if (lesson.mixup or lesson.cutmix) and batch_size % 2:
            raise ValueError(f"mixed images are pairs: a batch must be even, not {batch_size}")
        self.lesson, self.samples, self.batch_size = lesson, samples, batch_size
        self.steps = len(samples) // batch_size
        self.transform = lesson.augmentation.transform(cfg)
        self.mode = {1: "L", 3: "RGB"}[cfg["input_size"][0]]
        self.mix: Any = None
        if lesson.mixup or lesson.cutmix:
            self.mix = cast(Any, Mixup)(
                mixup_alpha=lesson.mixup,
                cutmix_alpha=lesson.cutmix,
                label_smoothing=lesson.smoothing,
                num_classes=cfg["num_classes"],
            )

    def to(self, device: torch.device) -> None:
        """Images stay where they are; batches of them move."""

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = WHOLE
    ) -> Iterator[Batch]:
        """The batches of an epoch from `start` on; of each, the share of one of some processes."""
        seed = int(torch.randint(2**62, (), generator=generator))
        order = torch.randperm(len(self.samples), generator=generator)
        repeats, count = self.lesson.repeats, len(order)
        order = order[: -(-count // repeats)].repeat_interleave(repeats)[:count]
        workers = cores() // share[1] if self.lesson.workers is None else self.lesson.workers
        yield from DataLoader(
            Epoch(self, order, seed, share),
            batch_size=None,
            sampler=range(start, self.steps),
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # not the one that dropout draws from
        )


@dataclass(frozen=True)
class Epoch(TorchDataset[Batch]):
    """The batches of one epoch, each by its number."""

    stream: ImageStream
    order: Tensor
    seed: int
    share: Shard

    def __getitem__(self, number: int) -> Batch:
        """Of a share of a batch, an image and the one that it is mixed with are both there: those
        as far from the end as from the beginning."""
        (rank, world), size = self.share, self.stream.batch_size
        mine = [i for i in range(size) if 2 * world * min(i, size - 1 - i) // size == rank]
        pairs = [self.image(number * size + i) for i in mine]
        images = torch.stack([image for image, _ in pairs])
        labels = torch.tensor([label for _, label in pairs])
        if not self.stream.mix:
            return images, labels
        with drawing_from(self.seed, MIXTURE, number):
            return self.stream.mix(images, labels)

    def image(self, place: int) -> tuple[Tensor, int]:
        """What is seen at a place."""
        picture, label = self.stream.samples[int(self.order[place])]
        with drawing_from(self.seed, IMAGE, place):
            return self.stream.transform(picture.convert(self.stream.mode)), label


def cores() -> int:
    """Those that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(allowed(0)) if allowed else os.cpu_count() or 1
