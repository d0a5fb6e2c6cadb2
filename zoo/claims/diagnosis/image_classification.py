"""Causes of a classifier's differing accuracy: preprocessing, the network, what is counted.

image -> tensor (preprocessing.py) -> network -> five best classes -> which samples count
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import ceil
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from zoo.claims.diagnosis.causes import (
    Cause,
    Measured,
    ModelFactory,
    UserSettings,
    evenly_spaced,
    over_seeds,
)
from zoo.claims.diagnosis.preprocessing import Constants, Setting, preprocess
from zoo.data.benchmarks import Benchmark, Dataset
from zoo.data.image_reading import to_mode
from zoo.evaluation.samples import UnreadableSampleError, read_sample, sample_name
from zoo.evaluation.statistics import wilson_interval
from zoo.models._builder import pretrained_cfg
from zoo.models._cfgs import IMAGENET_CFG

FLIPS = 2000  # one prediction in 2,000 may differ on another machine
BATCH = 128
CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
NORMALISATIONS: dict[str, tuple[Constants, Constants]] = {
    "with ImageNet's normalisation constants": (IMAGENET_CFG["mean"], IMAGENET_CFG["std"]),
    "with CIFAR-10's normalisation constants": (CIFAR_MEAN, (0.2470, 0.2435, 0.2616)),
    "with CIFAR-10's mean and the wrong, common standard deviations 0.2023, 0.1994, 0.2010": (
        CIFAR_MEAN,
        (0.2023, 0.1994, 0.2010),
    ),
    "with CIFAR-100's normalisation constants": (
        (0.5071, 0.4865, 0.4409),
        (0.2673, 0.2564, 0.2762),
    ),
    "with 0.5 as mean and standard deviation": ((0.5,) * 3, (0.5,) * 3),
}
# Arguments that change the function of the same tensors: their values, and what each does.
ALTERNATIVES: dict[str, dict[Any, str]] = {
    "padding": {
        "end": "with the zeros of option A's shortcuts at the end",
        "both": "with the zeros of option A's shortcuts on both sides",
    },
    "layout": {
        "v1.5": "with the stride in the 3x3 convolution and a centred max-pool",
        "v1": "with the stride in the first 1x1 convolution and a centred max-pool",
        "caffe": "with the stride in the first 1x1 convolution and Caffe's max-pool",
    },
    "stride_first": {
        False: "with the stride in the 3x3 convolution",
        True: "with the stride in the first 1x1 convolution",
    },
}


def causes(base: Setting, args: Sequence[str], count: int) -> Iterator[Cause]:
    """Yield the known causes for a classifier with `args`; miscounts only if `count` samples, all
    of the benchmark, are evaluated."""
    yield from _normalisations(base)
    yield from _images(base)
    yield Cause("mirrored", "on mirrored images", {"mirrored": True})
    for quality in (75, 95):
        yield Cause("jpeg", f"on images saved as JPEG of quality {quality}", {"jpeg": quality})
    for size in (1, 8, 32, 128):
        yield Cause("mode", f"in train mode, BatchNorm seeing batches of {size}", {"batch": size})
    for name in args:
        for value, phrase in ALTERNATIVES.get(name, {}).items():
            yield Cause("network", phrase, {"args": ((name, value),)})
    for precision in ("bf16", "fp16"):
        yield Cause("precision", f"in {precision}", {"precision": precision})
    for by in (1, -1):
        yield Cause("labels", f"with labels that are off by {by:+}", {"labels": by})
    yield from _miscounts(count)


def _normalisations(base: Setting) -> Iterator[Cause]:
    def cause(phrase: str, **changes: Any) -> Cause:
        return Cause("normalisation", phrase, changes)

    channels = len(base.mean)
    zero, one = (0.0,) * channels, (1.0,) * channels
    yield cause("without normalisation, pixels in 0..1", mean=zero, std=one)
    yield cause("without normalisation, pixels in 0..255", mean=zero, std=one, full=1.0)
    yield cause("normalised without dividing pixels by 255 first", full=1.0)
    yield cause("with pixels divided by 255 twice", full=255.0**2)
    yield cause("with the mean subtracted and no division by the standard deviation", std=one)
    for phrase, (mean, std) in NORMALISATIONS.items() if channels == 3 else ():
        yield cause(phrase, mean=mean, std=std)


def _images(base: Setting) -> Iterator[Cause]:
    if len(base.mean) == 3:
        yield Cause("colour", "with the channels in the order BGR", {"colour": "bgr"})
        yield Cause("colour", "on grey images", {"colour": "grey"})
    for kind in ("nearest", "bilinear", "bicubic", "lanczos"):
        yield Cause("resizing", f"resized by {kind} interpolation", {"interpolation": kind})
    if base.interpolation in ("bilinear", "bicubic"):
        yield Cause("resizing", "resized without antialiasing", {"antialias": False})
    for share in (0.875, 0.9, 0.95, 1.0):
        phrase = f"with a crop of {share} of the resized image"
        yield Cause("crop", phrase, {"crop_pct": share})
    phrase = "resized to a square, without a crop"
    yield Cause("crop", phrase, {"crop_pct": 1.0, "squashed": True})


def _miscounts(count: int) -> Iterator[Cause]:
    """Miscounts by a DistributedSampler, by accelerate's even batches, by loaders."""
    sizes = (32, 64, 100, 128, 256)
    repeated: dict[int, list[str]] = {}
    for n in (2, 3, 4, 6, 7, 8, 16, 32, 64):
        repeated.setdefault(-count % n, []).append(f"a DistributedSampler of {n} processes")
    for n, size in product((2, 4, 8), sizes):
        repeated.setdefault(-count % (n * size), []).append(
            f"{n} processes of even batches of {size}"
        )
    for twice, ways in sorted(repeated.items()):
        if 0 < twice <= count:
            phrase = f"with the first {twice} samples twice ({', '.join(ways)})"
            yield Cause("samples", phrase, {"counted": ("repeated", twice)})
    for size in sizes:
        if 0 < (less := count % size) < count:
            phrase = f"without the last {less} samples (drop_last of batches of {size})"
            yield Cause("samples", phrase, {"counted": ("dropped", less)})
            phrase = f"as the mean over batches of {size}, of which the last is smaller"
            yield Cause("samples", phrase, {"counted": ("batches", size)})


class ClassificationTarget:
    """A classifier on a benchmark, whose images are decoded once."""

    metrics = ("accuracy", "error", "top5_accuracy", "top5_error")
    unit = "images"

    def __init__(
        self,
        name: str,
        model: nn.Module,
        benchmark: Benchmark,
        samples: Dataset,
        user: UserSettings,
    ) -> None:
        cfg = {**pretrained_cfg(model), **user.preprocessing}
        if benchmark.classes > vars(model)["num_classes"]:
            raise ValueError(
                f"{benchmark.id} has {benchmark.classes} classes, {name} "
                f"{vars(model)['num_classes']}: --benchmark names one that the weights are for"
            )
        self.size = tuple(cfg["input_size"])
        self.models = ModelFactory(name, model, user.args)
        self.base = Setting(
            mean=tuple(cfg["mean"]),
            std=tuple(cfg["std"]),
            interpolation=cfg["interpolation"],
            crop_pct=cfg["crop_pct"],
        )
        self.images, self.labels, self.broken = self._decode(samples, user.limit)
        self.samples, self.whole = len(self.images), len(samples) - len(self.broken)
        known = list(inspect.signature(type(model)).parameters)
        count = self.samples if self.samples == self.whole else 0
        trains = self.models.has_batch_norm
        self.causes = [c for c in causes(self.base, known, count) if trains or c.group != "mode"]
        self.causes += self._unreadable()
        self.right = {"normalisation": f"theirs are {_describe(self.base)}"}
        self.predictions: dict[tuple[Setting, int], Tensor] = {}

    def _decode(
        self, samples: Dataset, limit: int
    ) -> tuple[list[Image.Image], Tensor, tuple[str, ...]]:
        """Return images, labels, and the samples that cannot be read."""
        mode = {1: "L", 3: "RGB"}[self.size[0]]
        pairs: list[tuple[Image.Image, int]] = []
        broken = []
        for index in evenly_spaced(len(samples), limit):
            try:
                image, label = read_sample(samples, index)
                pairs.append((to_mode(image, mode), label))
            except UnreadableSampleError as error:
                broken.append(str(error))
            except OSError as error:  # decoded when it is first used
                broken.append(f"{sample_name(samples, index)} cannot be read: {error}")
        if not pairs:
            raise ValueError(f"none of the images can be read: {broken[0]}")
        images, labels = zip(*pairs, strict=True)
        return list(images), torch.tensor(labels), tuple(broken)

    def _unreadable(self) -> list[Cause]:
        count = len(self.broken)
        phrase = f"with the {count} images that cannot be read counted as wrong"
        return [Cause("samples", phrase, {"counted": ("wrong", count)})] if count else []

    def measure(self, setting: Setting, metric: str) -> Measured:
        """Return an accuracy or error in percent; in train mode over two orders of the images."""
        seeds = (0, 1) if setting.batch > 1 else (0,)
        return over_seeds([self._measure(setting, metric, seed) for seed in seeds])

    def _measure(self, setting: Setting, metric: str, seed: int) -> Measured:
        run = replace(setting, labels=0, counted=("once", 0))
        if (run, seed) not in self.predictions:
            self.predictions[run, seed] = self._predict(run, seed)
        labels = (self.labels + setting.labels)[:, None]
        k = 5 if metric.startswith("top5") else 1
        correct = (self.predictions[run, seed][:, :k] == labels).any(1).double()
        accuracy = float(average(correct, setting.counted))
        value = 100 * (1 - accuracy if metric.endswith("error") else accuracy)
        step = 100 / count_predictions(self.samples, setting.counted)
        if (n := self.samples) == self.whole:
            return Measured(value, step * ceil(n / FLIPS), step)
        low, high = wilson_interval(int(n - correct.sum()), n)
        return Measured(value, (high - low) / 2 * ((self.whole - n) / (self.whole - 1)) ** 0.5)

    def _predict(self, setting: Setting, seed: int) -> Tensor:
        """Return the five best classes of every image, (N, 5), in batches of an order by `seed`."""
        n = self.samples
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)) if seed else None
        places = torch.arange(n) if order is None else order
        parts = []
        with self.models.build(setting.args, setting.precision, bool(setting.batch), seed) as model:
            dtype = next(model.parameters()).dtype
            for batch in torch.split(places, setting.batch or BATCH):
                x = preprocess([self.images[i] for i in batch.tolist()], setting, self.size)
                logits = model(x.to(self.models.device, dtype)).float()
                parts.append(logits.topk(min(5, logits.shape[1]), 1).indices.cpu())
        classes = torch.cat(parts)
        return classes if order is None else classes[order.argsort()]


def average(correct: Tensor, counted: tuple[str, int]) -> Tensor:
    """Return the mean of correct predictions (N,), as they are counted."""
    way, n = counted
    if way == "repeated":
        correct = torch.cat([correct, correct[:n]])
    elif way == "dropped":
        correct = correct[:-n]
    elif way == "batches":
        correct = torch.stack([batch.mean() for batch in torch.split(correct, n)])
    elif way == "wrong":
        correct = torch.cat([correct, correct.new_zeros(n)])
    return correct.mean()


def count_predictions(samples: int, counted: tuple[str, int]) -> int:
    """Return how many predictions are counted; of batches, as if the last were full."""
    way, n = counted
    if way == "batches":
        return ceil(samples / n) * n
    return samples + {"repeated": n, "dropped": -n, "wrong": n, "once": 0}[way]


def _describe(setting: Setting) -> str:
    mean, std = (", ".join(f"{v:.4g}" for v in c) for c in (setting.mean, setting.std))
    return f"mean {mean} and standard deviation {std}"


TARGET = ClassificationTarget
