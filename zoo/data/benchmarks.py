"""Benchmarks: a data set and one of its splits by name, e.g. "digits/test".

Samples are images, sounds or texts as they are stored; preprocessing belongs to the weights that
are evaluated (`zoo.transform`).
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Dataset(Protocol):
    """Samples by index."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class DatasetNotFoundError(LookupError):
    """The data of a benchmark is not on this machine; the message says what to add."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One split of a data set, as one task uses it."""

    id: str  # "<data set>/<split>"
    task: str  # a name in zoo.evaluation.tasks
    size: int  # number of samples in the whole split: images, sounds or texts
    loader: str  # "module:function" that returns the samples
    version: int = 1  # raised when scores change: other samples, other order of operations
    bundled: bool = False  # the samples come with the zoo or its dependencies
    classes: int = 0  # number of labels; 0 if samples have none
    columns: tuple[str, str] = ("image", "label")  # of a parquet file
    scale: int = 0  # super-resolution: size of the large image over that of the small one
    degradation: str = ""  # super-resolution: how small images are made, "bi" or "bd"
    sigma: float = 0.0  # denoising: standard deviation of the noise, of pixels in 0..255
    sha256: str = ""  # of a bundled text
    note: str = ""  # what a reader should know of the split

    @property
    def dataset(self) -> str:
        """The data set's name, and its folder in the data folder."""
        return self.id.partition("/")[0]

    @property
    def split(self) -> str:
        """The split's name, e.g. "test" or "bi_x2"."""
        return self.id.partition("/")[2]

    def open(self, data: Path | None = None) -> Dataset:
        """Return the samples.

        Args:
            data: folder that holds one folder per data set; bundled benchmarks need none.

        Raises:
            DatasetNotFoundError: if the samples are not there, or not all of them.
        """
        module, _, name = self.loader.partition(":")
        load: Any = getattr(importlib.import_module(module), name)
        samples: Dataset = load(self, data)
        return samples

    def require_folder(self, data: Path | None) -> Path:
        """Return the folder of the data set. Raises DatasetNotFoundError without `data`."""
        if data is None:
            raise DatasetNotFoundError(f"{self.id} needs a folder of data (--data DIR or ZOO_DATA)")
        return data / self.dataset

    def require_size(self, samples: int, where: Path, unit: str = "images") -> None:
        """Raise DatasetNotFoundError unless the number of `samples` is that of the split."""
        if samples != self.size:
            raise DatasetNotFoundError(
                f"{self.id} has {self.size:,} {unit}, {where} holds {samples:,}"
            )


def _image_classification() -> Iterator[Benchmark]:
    def splits(
        name: str, loader: str, sizes: dict[str, int], classes: int, **fields: Any
    ) -> Iterator[Benchmark]:
        for split, size in sizes.items():
            yield Benchmark(
                id=f"{name}/{split}",
                task="image-classification",
                size=size,
                loader=f"zoo.data.{loader}:open_split",
                classes=classes,
                **fields,
            )

    cifar = {"train": 50_000, "test": 10_000}
    jpeg = "CIFAR-10 re-encoded as JPEG: not CIFAR-10, and never judged as such"
    first = "the first 3,000 of its 10,000 images"
    yield from splits("digits", "digits", {"train": 1437, "test": 360}, 10, bundled=True)
    yield from splits("cifar10", "parquet", cifar, 10, columns=("img", "label"))
    yield from splits("cifar100", "parquet", cifar, 100, columns=("img", "fine_label"))
    yield from splits("cifar10_jpeg", "parquet", cifar, 10, columns=("img", "label"), note=jpeg)
    yield from splits("mnist", "parquet", {"train": 60_000}, 10)
    yield from splits("mnist", "parquet", {"test": 3_000}, 10, note=first)
    yield from splits("imagenet", "imagenet", {"train": 1_281_167, "val": 50_000}, 1000)


def _super_resolution() -> Iterator[Benchmark]:
    sizes = {"set5": 5, "set14": 14, "b100": 100, "urban100": 100, "manga109": 109, "photos": 4}
    for name, size in sizes.items():
        bundled = name == "photos"
        for degradation, scale in [("bi", 2), ("bi", 3), ("bi", 4), ("bi", 8), ("bd", 3)]:
            yield Benchmark(
                id=f"{name}/{degradation}_x{scale}",
                task="super-resolution",
                size=size,
                loader=f"zoo.data.super_resolution:{'open_photos' if bundled else 'open_folder'}",
                bundled=bundled,
                scale=scale,
                degradation=degradation,
            )


def _denoising() -> Iterator[Benchmark]:
    noisy = {"set12": 12, "bsd68": 68, "cbsd68": 68}
    splits = [
        (name, n, f"sigma{sigma}", sigma) for name, n in noisy.items() for sigma in (15, 25, 50)
    ]
    splits += [("train400", 400, "train", 0), ("cbsd432", 432, "train", 0)]
    splits += [("photos", 4, "sigma25", 25)]
    for name, size, split, sigma in splits:
        bundled = name == "photos"
        yield Benchmark(
            id=f"{name}/{split}",
            task="denoising",
            size=size,
            loader=f"zoo.data.denoising:{'open_photos' if bundled else 'open_folder'}",
            bundled=bundled,
            sigma=float(sigma),
        )


def _keyword_spotting() -> Iterator[Benchmark]:
    for split, size in {"train": 22_244, "validation": 3_091, "test": 3_079}.items():
        yield Benchmark(
            id=f"speech_commands/{split}",
            task="keyword-spotting",
            size=size,
            loader="zoo.data.speech_commands:open_folder",
            classes=12,
            note="version 0.01, whose files its README's hash splits",
        )


def _language_modeling() -> Iterator[Benchmark]:
    def texts(id_: str, size: int, note: str = "", sha256: str = "") -> Benchmark:
        return Benchmark(
            id=id_,
            task="language-modeling",
            size=size,
            loader=f"zoo.data.texts:{'open_bundled' if sha256 else 'open_folder'}",
            bundled=bool(sha256),
            sha256=sha256,
            note=note,
        )

    peps = "Python Enhancement Proposals, placed in the public domain by their authors"
    tokens = "tokens, by nanoGPT"
    train = "507fa56a8ec544564b1faf68d51a286bab806222cacbb86a5cd9ce7b0bbd5995"
    validation = "68ee344ea48e7e3bf06d3ca2e6df833fc9d2bcf0b5f68d3250aadea4ed517f07"
    yield texts("peps_mini/train", 90, peps, train)
    yield texts("peps_mini/validation", 7, peps, validation)
    yield texts("peps/train", 711, peps)
    yield texts("peps/validation", 40, peps)
    yield texts("wikitext2/validation", 1)
    yield texts("wikitext2/test", 1)
    yield texts("openwebtext/train", 9_035_582_198, tokens)
    yield texts("openwebtext/validation", 4_434_897, tokens)
    yield texts("pile/train", 210_607_728, "documents")
    yield texts("slimpajama/train", 20_000_000_000, "tokens, of 627B")


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.id: benchmark
    for benchmarks in (
        _image_classification(),
        _super_resolution(),
        _denoising(),
        _keyword_spotting(),
        _language_modeling(),
    )
    for benchmark in benchmarks
}
