"""Image classification from a data set in memory, by cross entropy."""

from ast import literal_eval
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from timm.data import Mixup
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.data.transforms import EvalTransform
from zoo.training.objective import WHOLE, Batch, Shard, sharded


def load_split(name: str, cfg: Mapping[str, Any], data: Path | None) -> Batch:
    """A whole split in memory, never to be changed: (N, C, H, W) preprocessed, (N,) labels."""
    shown = ("input_size", "mean", "std", "interpolation", "crop_pct")
    return _split(BENCHMARKS[name], repr({key: cfg[key] for key in shown}), data)


@lru_cache(2)  # for the runs that follow
def _split(benchmark: Benchmark, shown: str, data: Path | None) -> Batch:
    samples, prepare = benchmark.open(data), EvalTransform(literal_eval(shown))
    pairs = [samples[i] for i in range(len(samples))]
    images = torch.stack([prepare(image) for image, _ in pairs])
    return images, torch.tensor([label for _, label in pairs])


def shift_and_flip(
    images: Tensor, pad: int, flip: bool, generator: torch.Generator, mode: str = "constant"
) -> Tensor:
    """Random crops of images padded by the border's mean colour (0), or by their own pixels
    ("reflect"), half of them mirrored; on the images' device, by a generator of the CPU."""
    n, _, height, width = images.shape
    padded = F.pad(images, (pad, pad, pad, pad), mode) if pad else images
    dy, dx = torch.randint(0, 2 * pad + 1, (2, n), generator=generator)
    rows = dy[:, None] + torch.arange(height)
    columns = dx[:, None] + torch.arange(width)
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    places = (torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :])
    where = tuple(place.to(images.device) for place in places)
    return padded.permute(0, 2, 3, 1)[where].permute(0, 3, 1, 2).contiguous()


@dataclass(frozen=True)
class ImageClassification:
    """Classes of images, by cross entropy: random crops of images padded by `pad` pixels on each
    side (`mode`, as torch names it), half of them mirrored if `flip`. Labels are smoothed, pairs of
    images mixed (timm's Mixup: 1710.09412 by `mixup`, 1905.04899 by `cutmix`, half of batches each
    if there are both). An epoch is all images once, or `steps` batches of them if there are any."""

    pad: int = 4
    flip: bool = True
    mode: str = "constant"
    smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    steps: int = 0
    metric = "error"  # in percent

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "LabelledImages":
        images, labels = load_split(dataset, cfg, data)
        return LabelledImages(self, images, labels, batch_size, cfg["num_classes"])

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        mixed = target.is_floating_point()  # and smoothed, when it was mixed
        return F.cross_entropy(output, target, label_smoothing=0.0 if mixed else self.smoothing)

    def faults(self, output: Tensor, target: Tensor) -> float:
        """Of mixed images, those that are not called by what there is most of."""
        wanted = target.argmax(1) if target.is_floating_point() else target
        return 100 * (output.argmax(1) != wanted).sum().item()


class LabelledImages:
    """Every image once in an epoch; a rest smaller than a batch, whose BatchNorm statistics would
    be of its own, is left out."""

    def __init__(
        self,
        lesson: ImageClassification,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        classes: int,
    ) -> None:
        self.lesson, self.images, self.labels = lesson, images, labels
        self.batch_size = min(batch_size, len(labels))
        self.steps = min(lesson.steps or len(labels), len(labels) // self.batch_size)
        self.mix: Any = None
        if lesson.mixup or lesson.cutmix:
            self.mix = cast(Any, Mixup)(
                mixup_alpha=lesson.mixup,
                cutmix_alpha=lesson.cutmix,
                label_smoothing=lesson.smoothing,
                num_classes=classes,
            )

    def to(self, device: torch.device) -> None:
        self.images, self.labels = self.images.to(device), self.labels.to(device)

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = WHOLE
    ) -> Iterator[Batch]:
        return sharded(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            here = chosen.to(self.images.device)
            images, labels = self.images[here], self.labels[here]
            lesson = self.lesson
            shifted = shift_and_flip(images, lesson.pad, lesson.flip, generator, lesson.mode)
            yield self.mix(shifted, labels) if self.mix else (shifted, labels)
