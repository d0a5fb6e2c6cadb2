"""Benchmarks: a data set and one of its splits by name, e.g. "digits/test".

Samples are images, sounds or texts as they are stored; preprocessing belongs to the weights that
are evaluated (`zoo.transform`).
"""

import importlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from zoo.data.splits import DERIVED, HARNESS_SIZES, IMAGENET_SHIFTS, PEPS_SUMS


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
    quality: int = 0  # denoising: of the JPEG files that images are stored as, 1..100
    sha256: str = ""  # of a bundled text
    weights_of: str = ""  # weights for this benchmark may be judged here too; "*": any weights
    subset: str = ""  # timm's list of the classes to choose from, of 1,000; "" for all
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
    svhn = {"train": 73_257, "test": 26_032, "extra": 531_131}
    jpeg = "CIFAR-10 re-encoded as JPEG: not CIFAR-10, and never judged as such"
    yield from splits("digits", "digits", {"train": 1437, "test": 360}, 10, bundled=True)
    yield from splits("cifar10", "parquet", cifar, 10, columns=("img", "label"))
    yield from splits("cifar100", "parquet", cifar, 100, columns=("img", "fine_label"))
    yield from splits("cifar10_jpeg", "parquet", cifar, 10, columns=("img", "label"), note=jpeg)
    yield from splits("svhn", "parquet", svhn, 10)
    yield from splits("mnist", "mnist", {"train": 60_000}, 10)
    yield from splits("mnist", "mnist", {"test": 10_000}, 10, version=2)
    yield from splits("imagenet", "imagenet", {"train": 1_281_167, "val": 50_000}, 1000)
    yield from _imagenet_shifts()


def _imagenet_shifts() -> Iterator[Benchmark]:
    """Other test sets for networks trained on ImageNet-1k."""
    for id_, (size, note) in IMAGENET_SHIFTS.items():
        subset = id_.partition("/")[0].replace("_", "-")
        yield Benchmark(
            id=id_,
            task="image-classification",
            size=size,
            loader=f"zoo.data.imagenet_shifts:{'open_real' if 'real' in id_ else 'open_folder'}",
            classes=1000,
            weights_of="imagenet/val",
            subset=subset if subset in ("imagenet-a", "imagenet-r") else "",
            note=note,
        )


def _super_resolution() -> Iterator[Benchmark]:
    sizes = {"set5": 5, "set14": 14, "b100": 100, "urban100": 100, "manga109": 109, "photos": 4}
    sizes["div2k_valid"] = 100
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
    splits += [("classic5", 5, f"jpeg{quality}", 0) for quality in (10, 20, 30, 40)]
    splits += [("live1", 29, f"jpeg{quality}", 0) for quality in (10, 20, 30, 40)]
    for name, size, split, sigma in [*splits, ("photos", 4, "sigma25", 25)]:
        bundled = name == "photos"
        yield Benchmark(
            id=f"{name}/{split}",
            task="denoising",
            size=size,
            loader=f"zoo.data.denoising:{'open_photos' if bundled else 'open_folder'}",
            bundled=bundled,
            sigma=float(sigma),
            quality=int(split[4:]) if split.startswith("jpeg") else 0,
        )


def _keyword_spotting() -> Iterator[Benchmark]:
    note = "version 0.01, whose files its README's hash splits"
    common: Any = {"task": "keyword-spotting", "classes": 12, "note": note}
    load = "zoo.data.speech_commands:open_folder"
    for split, size in {"train": 22_244, "validation": 3_091, "test": 3_079}.items():
        yield Benchmark(id=f"speech_commands/{split}", size=size, loader=load, **common)


def _forecasting() -> Iterator[Benchmark]:
    """ETT's hourly series: a sample for each step after which a horizon fits into the split."""
    for name, split in product(("etth1", "etth2"), ("train", "validation", "test")):
        for horizon in (96, 192, 336, 720):
            yield Benchmark(
                id=f"{name}/{split}_{horizon}",
                task="forecasting",
                size=(8_641 if split == "train" else 2_881) - horizon,
                loader="zoo.data.forecasting:open_folder",
            )


def _listed() -> Iterator[Benchmark]:
    """Tables, and series, graphs and texts of test splits: what TOML files list."""
    for group, task, size, loader in (
        ("tabular", "tabular", "rows", "zoo.data.tabular:open_table"),
        ("ucr", "time-series-classification", "test", "zoo.data.ucr:open_set"),
        ("planetoid", "node-classification", "test", "zoo.data.graphs:open_planetoid"),
        ("sentences", "sentence-classification", "test", "zoo.data.sentences:open_set"),
        ("m4", "forecasting", "series", "zoo.data.m4:open_subset"),
        ("wmt17_en_de", "translation", "sentences", "zoo.data.translation:open_wmt"),
    ):
        path = Path(__file__).with_name(f"{group}.toml")
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            yield Benchmark(
                id=f"{group}/{name}",
                task=task,
                size=entry[size],
                loader=loader,
                bundled=task == "tabular" and "file" not in entry,
                classes=entry.get("classes", 0),
            )


def _derived() -> Iterator[Benchmark]:
    """Samples that are generated, or made of others: of those of the dependencies, if bundled."""
    for id_, (task, size, loader, fields) in DERIVED.items():
        yield Benchmark(id=id_, task=task, size=size, loader=loader, **{"bundled": True} | fields)


def _language_modeling() -> Iterator[Benchmark]:
    def texts(id_: str, size: int, note: str = "", sha256: str = "", **fields: Any) -> Benchmark:
        return Benchmark(
            id=id_,
            task="language-modeling",
            size=size,
            loader=f"zoo.data.texts:{'open_bundled' if sha256 else 'open_folder'}",
            bundled=bool(sha256),
            sha256=sha256,
            note=note,
            **fields,
        )

    peps = "Python Enhancement Proposals, placed in the public domain by their authors"
    tokens = "tokens, by nanoGPT"
    yield texts("peps_mini/train", 90, peps, PEPS_SUMS["train"])
    yield texts("peps_mini/validation", 7, peps, PEPS_SUMS["validation"])
    yield texts("peps/train", 711, peps)
    yield texts("peps/validation", 40, peps)
    yield texts("wikitext2/validation", 1)
    yield texts("wikitext2/test", 1)
    yield texts("openwebtext/train", 9_035_582_198, tokens)
    yield texts("openwebtext/validation", 4_434_897, tokens)
    yield texts("pile/train", 210_607_728, "documents")
    yield texts("pile/validation", 214_670, "documents")
    yield texts("slimpajama/train", 20_000_000_000, "tokens, of 627B")
    for name in ("ptb/test", "wikitext103/test", "enwik8/test", "text8/test", "1bw/test"):
        yield texts(name, 1, weights_of="*")
    yield from _lm_harness()


def _lm_harness() -> Iterator[Benchmark]:
    """Tasks of lm-evaluation-harness, each on the split that it evaluates."""
    for name, size in HARNESS_SIZES.items():
        yield Benchmark(
            id=f"lm_eval/{name}",
            task="language-modeling",
            size=size,
            loader="zoo.data.lm_harness:open_task",
            weights_of="*",
            note="a task of lm-evaluation-harness",
        )


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.id: benchmark
    for benchmarks in (
        _image_classification(),
        _super_resolution(),
        _denoising(),
        _keyword_spotting(),
        _forecasting(),
        _listed(),
        _derived(),
        _language_modeling(),
    )
    for benchmark in benchmarks
}
# Means of a table -> the benchmarks whose scores are averaged.
PARTS = tuple(f"lm_eval/{name}" for name in HARNESS_SIZES if not name.startswith("cbt_"))
MEANS = {"lm_eval/mean_of_11": PARTS}


def benchmarks_of(id_: str) -> tuple[str, ...]:
    """Return the benchmarks that a claim on `id_` is judged by, none if the zoo lacks one.

    That is itself; of a mean, its parts; of one image ("urban100/bi_x4/img_004"), its set.

    Example:
        >>> benchmarks_of("urban100/bi_x4/img_004")
        ('urban100/bi_x4',)
    """
    if id_ in BENCHMARKS:
        return (id_,)
    images = BENCHMARKS.get(id_.rpartition("/")[0])
    is_image = images is not None and images.task in ("super-resolution", "denoising")
    return (images.id,) if images and is_image else MEANS.get(id_, ())


def image_of(id_: str) -> str:
    """Return the image that a claim on `id_` is about; "" for a whole benchmark or a mean."""
    return "" if id_ in BENCHMARKS or id_ in MEANS else id_.rpartition("/")[2]
