"""Image classification by cross entropy, from a data set in memory."""

from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
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
from zoo.training.objective import Batch, DrawnEpochs, error_sum


def load_split(name: str, cfg: Mapping[str, Any], data: Path | None) -> Batch:
    """Load a split, preprocessed: images (N, C, H, W), labels (N,). Do not change them: cached."""
    keys = ("input_size", "mean", "std", "interpolation", "crop_pct")
    return _cached_split(BENCHMARKS[name], repr({key: cfg[key] for key in keys}), data)


@lru_cache(2)  # for the runs that follow
def _cached_split(benchmark: Benchmark, cfg: str, data: Path | None) -> Batch:
    samples, transform = benchmark.open(data), EvalTransform(literal_eval(cfg))
    pairs = [samples[i] for i in range(len(samples))]
    images = torch.stack([transform(image) for image, _ in pairs])
    return images, torch.tensor([label for _, label in pairs])


def shift_and_flip(
    images: Tensor, pad: int, flip: bool, generator: torch.Generator, mode: str = "constant"
) -> Tensor:
    """Crop padded images at random and mirror half of them: (N, C, H, W) -> (N, C, H, W).

    Args:
        images: normalised images, on any device.
        pad: pixels on each side; 0 leaves the images in place.
        flip: mirror half of the images.
        generator: of the CPU.
        mode: "constant" pads with 0, the mean colour; "reflect" with the image's own pixels.
    """
    n, _, height, width = images.shape
    padded = F.pad(images, (pad, pad, pad, pad), mode) if pad else images
    dy, dx = torch.randint(0, 2 * pad + 1, (2, n), generator=generator)
    rows = dy[:, None] + torch.arange(height)
    columns = dx[:, None] + torch.arange(width)
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    indices = (torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :])
    index = tuple(i.to(images.device) for i in indices)
    return padded.permute(0, 2, 3, 1)[index].permute(0, 3, 1, 2).contiguous()


@dataclass(frozen=True, kw_only=True)
class ClassificationObjective:
    """Cross entropy of smoothed labels or of mixed pairs of images; the metric is top-1 error."""

    smoothing: float = 0.0  # label smoothing
    mixup: float = 0.0  # alpha of mixup (1710.09412); 0: off
    cutmix: float = 0.0  # alpha of CutMix (1905.04899); 0: off; with mixup, half of the batches
    metric = "error"  # in percent

    def mixer(self, num_classes: int) -> Any:
        """Return timm's Mixup, (images, labels) -> (images, soft labels), or None if it is off."""
        if not (self.mixup or self.cutmix):
            return None
        return cast(Any, Mixup)(
            mixup_alpha=self.mixup,
            cutmix_alpha=self.cutmix,
            label_smoothing=self.smoothing,
            num_classes=num_classes,
        )

    def label_smoothing(self, target: Tensor) -> float:
        """Return the smoothing still to be applied: mixed labels are smoothed already."""
        return 0.0 if target.is_floating_point() else self.smoothing

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target, label_smoothing=self.label_smoothing(target))

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return error_sum(output, target)


@dataclass(frozen=True)
class ImageClassification(ClassificationObjective):
    """Classification of randomly shifted and mirrored images."""

    pad: int = 4  # pixels on each side before the random crop
    flip: bool = True  # mirror half of the images
    mode: str = "constant"  # padding, as torch names it
    steps: int = 0  # batches in an epoch; 0: every image once

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "LabelledImages":
        images, labels = load_split(dataset, cfg, data)
        return LabelledImages(self, images, labels, batch_size, cfg["num_classes"])


@dataclass(frozen=True, kw_only=True)
class PaperClassification(ImageClassification):
    """Classification by a loss of the paper's own, of networks that give more than logits.

    `criterion` has a repr that is the same in every process: a frozen dataclass, no function.
    """

    criterion: Callable[[Any, Tensor], Tensor]  # ((logits, ...), labels) -> mean loss

    def loss(self, output: Any, target: Tensor) -> Tensor:
        return self.criterion(output, target)

    def metric_sum(self, output: Any, target: Tensor) -> float:
        return error_sum(output[0], target)


class LabelledImages(DrawnEpochs):
    """Each image once in an epoch, less a last, smaller batch."""

    def __init__(
        self,
        objective: ImageClassification,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        num_classes: int,
    ) -> None:
        self.objective, self.images, self.labels = objective, images, labels
        self.batch_size = min(batch_size, len(labels))
        self.steps = min(objective.steps or len(labels), len(labels) // self.batch_size)
        self.mixer = objective.mixer(num_classes)

    def to(self, device: torch.device) -> None:
        self.images, self.labels = self.images.to(device), self.labels.to(device)

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        objective = self.objective
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            indices = chosen.to(self.images.device)
            labels = self.labels[indices]
            images = shift_and_flip(
                self.images[indices], objective.pad, objective.flip, generator, objective.mode
            )
            yield self.mixer(images, labels) if self.mixer else (images, labels)
