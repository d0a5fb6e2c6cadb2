"""What a model may be judged on: a model in, scores out.

A benchmark is a data set and a split by name, e.g. "digits/test". Its samples are PIL images as
they are stored; how a model wants them is bound to the model's weights (`zoo.transform`).
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Dataset(Protocol):
    """A data set of images, or sounds, and labels, or of pairs of images."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class DatasetNotFoundError(LookupError):
    """A benchmark whose data is not at hand; the message says what to bring."""


@dataclass(frozen=True)
class Benchmark:
    """A split by name; `size` is the number of images, or of texts, of the whole split. Without
    `classes` it is of pairs to enlarge ("set5/bi_x2" is Set5 made small by MATLAB's bicubic,
    twice) or, with `is_text`, of texts to predict.

    `other` is the task of what is none of these.

    `version` changes when a score on it would: other images, other order of operations.
    """

    id: str
    size: int
    version: int
    opener: str
    classes: int = 0
    folder: str = ""
    columns: tuple[str, str] = ("", "")
    sha256: str = ""
    note: str = ""
    other: str = ""

    @property
    def task(self) -> str:
        """What is tried on it, one of zoo.evaluation.tasks."""
        pictures = "image-classification" if self.classes else "super-resolution"
        return self.other or ("language-modeling" if self.is_text else pictures)

    @property
    def is_text(self) -> bool:
        """Whether its samples are texts, or tokens of them."""
        return self.opener in (TEXTS, BUNDLED_TEXTS)

    def open(self, data: Path | None = None) -> Dataset:
        """The samples; `data` is the folder that holds one folder per data set.

        Raises NoDataError when they are not there.
        """
        module, _, name = self.opener.partition(":")
        opener: Any = getattr(importlib.import_module(module), name)
        samples: Dataset = opener(self, data)
        return samples


PARQUET = "zoo.data.parquet:open_split"
DIGITS = "zoo.data.digits:open_split"
IMAGENET = "zoo.data.imagenet:open_split"
MNIST = "the first 3,000 of its 10,000 images"
JPEG = "CIFAR-10 re-encoded as JPEG: not CIFAR-10, and never judged as such"


def _cifar(name: str, columns: tuple[str, str], classes: int, note: str = "") -> list[Benchmark]:
    sizes = {"train": 50_000, "test": 10_000}
    return [
        Benchmark(f"{name}/{split}", n, 1, PARQUET, classes, name, columns, note=note)
        for split, n in sizes.items()
    ]


PAIRS = "zoo.data.super_resolution:open_folder"
ENLARGED = {
    "set5": (5, PAIRS),
    "set14": (14, PAIRS),
    "b100": (100, PAIRS),
    "urban100": (100, PAIRS),
    "manga109": (109, PAIRS),
    "photos": (4, "zoo.data.super_resolution:open_photos"),
}


def _enlarged(name: str, size: int, opener: str) -> list[Benchmark]:
    splits = [*(f"bi_x{scale}" for scale in (2, 3, 4, 8)), "bd_x3"]
    return [Benchmark(f"{name}/{split}", size, 1, opener) for split in splits]


NOISED = "zoo.data.denoising:open_folder"
NOISED_PHOTOS = "zoo.data.denoising:open_photos"
SETS = {"set12": 12, "bsd68": 68, "cbsd68": 68}  # to be tried on, with noise of three strengths
LEARNT = {"train400": 400, "cbsd432": 432}  # to be trained on


def _noised() -> list[Benchmark]:
    sizes = {f"{name}/sigma{sigma}": n for name, n in SETS.items() for sigma in (15, 25, 50)}
    sizes |= {f"{name}/train": n for name, n in LEARNT.items()}
    photos = Benchmark("photos/sigma25", 4, 1, NOISED_PHOTOS, other="denoising")
    return [
        *(Benchmark(name, n, 1, NOISED, other="denoising") for name, n in sizes.items()),
        photos,
    ]


WORDS = "zoo.data.speech_commands:open_folder"
SPOKEN = {"train": 22_244, "validation": 3_091, "test": 3_079}


def _spoken(split: str) -> Benchmark:
    name, said = "speech_commands", "version 0.01, whose files its README's hash splits"
    size = SPOKEN[split]
    return Benchmark(
        f"{name}/{split}", size, 1, WORDS, 12, name, note=said, other="keyword-spotting"
    )


TEXTS = "zoo.data.texts:open_folder"
BUNDLED_TEXTS = "zoo.data.texts:open_bundled"
PEPS = "Python Enhancement Proposals, placed in the public domain by their authors"
SUMS = {  # of the texts that come with the zoo
    "train": "507fa56a8ec544564b1faf68d51a286bab806222cacbb86a5cd9ce7b0bbd5995",
    "validation": "68ee344ea48e7e3bf06d3ca2e6df833fc9d2bcf0b5f68d3250aadea4ed517f07",
}


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.id: benchmark
    for benchmark in [
        Benchmark("digits/train", 1437, 1, DIGITS, 10),
        Benchmark("digits/test", 360, 1, DIGITS, 10),
        *_cifar("cifar10", ("img", "label"), 10),
        *_cifar("cifar100", ("img", "fine_label"), 100),
        *_cifar("cifar10_jpeg", ("img", "label"), 10, JPEG),
        Benchmark("mnist/train", 60_000, 1, PARQUET, 10, "mnist", ("image", "label")),
        Benchmark("mnist/test", 3_000, 1, PARQUET, 10, "mnist", ("image", "label"), note=MNIST),
        Benchmark("imagenet/train", 1_281_167, 1, IMAGENET, 1000, "imagenet", ("image", "label")),
        Benchmark("imagenet/val", 50_000, 1, IMAGENET, 1000, "imagenet", ("image", "label")),
        *(pairs for name, (n, opener) in ENLARGED.items() for pairs in _enlarged(name, n, opener)),
        *_noised(),
        *map(_spoken, SPOKEN),
        Benchmark("peps_mini/train", 90, 1, BUNDLED_TEXTS, sha256=SUMS["train"], note=PEPS),
        Benchmark(
            "peps_mini/validation", 7, 1, BUNDLED_TEXTS, sha256=SUMS["validation"], note=PEPS
        ),
        Benchmark("peps/train", 711, 1, TEXTS, note=PEPS),
        Benchmark("peps/validation", 40, 1, TEXTS, note=PEPS),
        Benchmark("wikitext2/validation", 1, 1, TEXTS),
        Benchmark("wikitext2/test", 1, 1, TEXTS),
        Benchmark("openwebtext/train", 9_035_582_198, 1, TEXTS, note="tokens, by nanoGPT"),
        Benchmark("openwebtext/validation", 4_434_897, 1, TEXTS, note="tokens, by nanoGPT"),
        Benchmark("pile/train", 210_607_728, 1, TEXTS, note="documents"),
        Benchmark("slimpajama/train", 20_000_000_000, 1, TEXTS, note="tokens, of 627B"),
    ]
}
