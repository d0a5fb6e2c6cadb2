"""What a network can learn: examples in batches, a loss, and what counts as a fault.

data set -> Examples.batches(generator) -> (inputs, targets) -> network -> Lesson.loss
Seed and epoch alone decide what is seen, by the generator.
"""

from ast import literal_eval
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from timm.data import Mixup
from torch import Tensor

from zoo.benchmarks import BENCHMARKS, Benchmark, NoDataError
from zoo.benchmarks.imresize import imresize
from zoo.benchmarks.preprocessing import Preprocessing
from zoo.tokens import tokenizer

Batch = tuple[Tensor, Tensor]
Share = tuple[int, int]  # (rank, of how many processes)
WHOLE = (0, 1)


class Examples(Protocol):
    """The examples of a lesson; `steps` are the batches of an epoch, from `start` on and of each
    the `share` of one of several processes. Those that are small enough move to the device that
    learns, and are drawn and changed there."""

    steps: int

    def to(self, device: torch.device) -> None: ...
    def batches(
        self, generator: torch.Generator, start: int = 0, share: Share = ...
    ) -> Iterator[Batch]: ...


def shared(batches: Iterator[Batch], start: int, share: Share) -> Iterator[Batch]:
    """Of each whole batch from `start` on, every so-manieth example; those before are drawn too, so
    that what follows is what it would have been."""
    rank, world = share
    for inputs, targets in islice(batches, start, None):
        yield inputs[rank::world], targets[rank::world]


class Lesson(Protocol):
    """A way to learn. `faults` of a batch, summed over its examples, are what `metric` counts."""

    metric: str

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> Examples: ...
    def loss(self, output: Tensor, target: Tensor) -> Tensor: ...
    def faults(self, output: Tensor, target: Tensor) -> float: ...


def load_split(name: str, cfg: Mapping[str, Any], data: Path | None) -> Batch:
    """A whole split in memory, never to be changed: (N, C, H, W) preprocessed, (N,) labels."""
    shown = ("input_size", "mean", "std", "interpolation", "crop_pct")
    return _split(BENCHMARKS[name], repr({key: cfg[key] for key in shown}), data)


@lru_cache(2)  # for the runs that follow
def _split(benchmark: Benchmark, shown: str, data: Path | None) -> Batch:
    samples, prepare = benchmark.open(data), Preprocessing(literal_eval(shown))
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
class Labelled:
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
        self, lesson: Labelled, images: Tensor, labels: Tensor, batch_size: int, classes: int
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
        self, generator: torch.Generator, start: int = 0, share: Share = WHOLE
    ) -> Iterator[Batch]:
        return shared(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            here = chosen.to(self.images.device)
            images, labels = self.images[here], self.labels[here]
            lesson = self.lesson
            shifted = shift_and_flip(images, lesson.pad, lesson.flip, generator, lesson.mode)
            yield self.mix(shifted, labels) if self.mix else (shifted, labels)


@dataclass(frozen=True)
class Enlarged:
    """Photographs from MATLAB's bicubic reduction of them, by the mean absolute difference (L1).

    `steps` batches are an epoch; each is of random patches, `size` pixels of the small image,
    mirrored and turned in one of eight ways.
    """

    scale: int
    size: int = 48
    steps: int = 1000
    metric = "squared error"  # of pixels in 0..1

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "Patches":
        files = sorted((data / dataset).glob("*.png")) if data else []
        if not files:
            raise NoDataError(f"no {dataset}/*.png in the folder of data (--data DIR or ZOO_DATA)")
        images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
        return Patches(self, images, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(output, target)

    def faults(self, output: Tensor, target: Tensor) -> float:
        return F.mse_loss(output, target).item() * len(target)


class Patches:
    """Pairs of patches, small and large, from photographs that are large enough for one."""

    def __init__(self, lesson: Enlarged, images: list[Any], batch_size: int) -> None:
        self.lesson, self.batch_size, self.steps = lesson, batch_size, lesson.steps
        scale, least = lesson.scale, lesson.scale * lesson.size
        whole = [image for image in images if min(image.shape[:2]) >= least]
        if not whole:
            raise NoDataError(f"no photograph is large enough for a patch of {least}x{least}")
        self.large = [
            image[: len(image) // scale * scale, : image.shape[1] // scale * scale]
            for image in whole
        ]
        self.small = [imresize(image, 1 / scale) for image in self.large]

    def to(self, device: torch.device) -> None:
        """They are of all sizes: patches of them move."""

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Share = WHOLE
    ) -> Iterator[Batch]:
        return shared(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            pairs = [self._pair(generator) for _ in range(self.batch_size)]
            small, large = (torch.stack(patches) for patches in zip(*pairs, strict=True))
            yield small, large

    def _pair(self, generator: torch.Generator) -> Batch:
        """A patch of a random photograph: (3, size, size) and (3, scale * size, ...) in 0..1."""

        def draw(n: int) -> int:
            return int(torch.randint(n, (), generator=generator))

        size, scale = self.lesson.size, self.lesson.scale
        chosen = draw(len(self.small))
        height, width = self.small[chosen].shape[:2]
        y, x, turn, mirror = (draw(n) for n in (height - size + 1, width - size + 1, 4, 2))
        cut = [
            image[r * y : r * (y + size), r * x : r * (x + size)][:, :: 1 - 2 * mirror]
            for image, r in ((self.small[chosen], 1), (self.large[chosen], scale))
        ]
        small, large = (
            torch.from_numpy(np.rot90(patch, turn).transpose(2, 0, 1) / np.float32(255))
            for patch in cut
        )
        return small, large


@dataclass(frozen=True)
class NextToken:
    """Texts, by the cross entropy of each next token; an epoch is `steps` batches of windows of
    `context` tokens that begin anywhere."""

    tokenizer: str = "bytes"
    context: int = 256
    steps: int = 100
    metric = "error"  # in percent of the tokens

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "Excerpts":
        texts: Any = BENCHMARKS[dataset].open(data)
        tokens = texts.tokens(tokenizer(self.tokenizer))
        if len(tokens) <= self.context:
            raise NoDataError(f"{dataset} has {len(tokens)} tokens, fewer than one window needs")
        return Excerpts(self, tokens, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.flatten(0, 1).float(), target.flatten())

    def faults(self, output: Tensor, target: Tensor) -> float:
        wrong = (output.argmax(-1) != target).float()
        return 100 * wrong.mean().item() * len(target)


class Excerpts:
    """Random windows of one long text: in memory, or in a file that is read where it is asked."""

    def __init__(self, lesson: NextToken, tokens: np.ndarray, batch_size: int) -> None:
        self.lesson = lesson
        self.tokens: Tensor | np.memmap = (
            tokens if isinstance(tokens, np.memmap) else torch.from_numpy(tokens.astype(np.int64))
        )
        self.batch_size, self.steps = batch_size, lesson.steps

    def to(self, device: torch.device) -> None:
        if isinstance(self.tokens, Tensor):
            self.tokens = self.tokens.to(device)

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Share = WHOLE
    ) -> Iterator[Batch]:
        return shared(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        last, size = len(self.tokens) - self.lesson.context, self.lesson.context + 1
        for _ in range(self.steps):
            starts = torch.randint(last, (self.batch_size, 1), generator=generator)
            if isinstance(self.tokens, Tensor):
                ids = self.tokens[(starts + torch.arange(size)).to(self.tokens.device)]
            else:
                rows = [self.tokens[place : place + size] for place in starts.flatten().tolist()]
                ids = torch.from_numpy(np.stack(rows).astype(np.int64))
            yield ids[:, :-1], ids[:, 1:]
