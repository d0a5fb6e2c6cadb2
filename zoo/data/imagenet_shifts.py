"""Other test sets for networks trained on ImageNet-1k.

imagenet_v2, imagenet_a, imagenet_r, imagenet_sketch: DIR/<set>/<class>/*.JPEG, where a class is a
wnid, or its number in ImageNet-1k (V2, as published)
imagenet_real: DIR/imagenet, as zoo.data.imagenet reads it, with all labels that fit an image

Labels are numbers in ImageNet-1k. Lists of classes and labels are those of timm.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
from timm.data import ImageNetInfo, RealLabelsImagenet

from zoo.data import imagenet
from zoo.data.benchmarks import BENCHMARKS, Benchmark, Dataset, DatasetNotFoundError

VAL = "imagenet/val"


def subset_classes(subset: str) -> list[int]:
    """Return the classes of "imagenet-a" or "imagenet-r" as numbers in ImageNet-1k, in order."""
    name = f"{subset.replace('-', '_')}_indices.txt"
    text = files("timm.data").joinpath("_info", name).read_text(encoding="utf-8")
    return sorted(map(int, text.split()))


class Relabelled:
    """Samples with other labels; those that have no label are left out.

    Args:
        samples: (image, label) by index.
        labels: new label of each sample, None to leave it out.
    """

    def __init__(self, samples: Any, labels: Sequence[int | list[int] | None]) -> None:
        self.samples, self.labels = samples, labels
        self.kept = [index for index, label in enumerate(labels) if label not in (None, [])]
        self.files = samples.files

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: int) -> tuple[Any, int | list[int] | None]:
        image, _ = self.samples[self.kept[index]]
        return image, self.labels[self.kept[index]]

    def where(self, index: int) -> str:
        """Return the file of an image."""
        return str(self.samples.where(self.kept[index]))


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Relabelled:
    """Return the images of a set in one folder per class.

    Raises:
        DatasetNotFoundError: An image or a class is missing, or there is one that should not be.
    """
    home = benchmark.require_folder(data)
    if not home.is_dir():
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {home.name}/<class>/*.JPEG in the folder of data {home.parent}"
        )
    samples, classes = imagenet.open_classes(home), _classes(benchmark)
    wnids = cast(Any, ImageNetInfo("imagenet-1k")).label_names()
    names = dict(zip(wnids, range(1000), strict=True))
    numbers = [int(name) if name.isdecimal() else names.get(name, -1) for name in samples.classes]
    if sorted(numbers) != classes:
        raise DatasetNotFoundError(
            f"{home} has {len(numbers)} folders of classes; {benchmark.id} has {len(classes)} of "
            "ImageNet-1k, each named by its wnid or its number"
        )
    benchmark.require_size(len(samples), home)
    return Relabelled(samples, [numbers[label] for label in samples.targets])


def _classes(benchmark: Benchmark) -> list[int]:
    return subset_classes(benchmark.subset) if benchmark.subset else list(range(1000))


def open_real(benchmark: Benchmark, data: Path | None = None) -> Relabelled:
    """Return ImageNet's validation images with the labels of 2006.07159: a list for each image.

    Raises:
        DatasetNotFoundError: An image is missing, or its name is not ILSVRC2012_val_<number>.
    """
    samples: Dataset = imagenet.open_split(replace(BENCHMARKS[VAL]), data)
    labels = cast(Any, RealLabelsImagenet)(range(50_000)).real_labels
    names = [_published_name(name) for name in _file_names(samples)]
    if unknown := [name for name in names if name not in labels]:
        raise DatasetNotFoundError(
            f"{benchmark.id} knows the images of {VAL} by their published names; "
            f"{unknown[0]!r} is none of these"
        )
    relabelled = Relabelled(samples, [labels[name] for name in names])
    benchmark.require_size(len(relabelled), benchmark.require_folder(data).with_name("imagenet"))
    return relabelled


def _file_names(samples: Any) -> list[str]:
    """Return the names of the images, which parquet files keep beside the bytes."""
    if isinstance(samples, imagenet.ClassFolders):
        return [file.name for file in samples.files]
    tables = [pq.ParquetFile(file).read(columns=["image.path"]) for file in samples.files]
    return [str(row["path"]) for table in tables for row in table.column("image").to_pylist()]


def _published_name(name: str) -> str:
    """Return ILSVRC2012_val_00000293.JPEG of a name that the Hub appended the wnid to."""
    match = re.match(r"ILSVRC2012_val_\d{8}", Path(name).name)
    return f"{match[0]}.JPEG" if match else name
