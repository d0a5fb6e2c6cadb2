"""ImageNet as people have it: DIR/imagenet/train-*.parquet and val-*.parquet (or validation-*) of
the Hub, or DIR/imagenet/train/<wnid>/*.JPEG and DIR/imagenet/val/<wnid>/*.JPEG.
"""

from pathlib import Path
from typing import Any, cast

from timm.data import ImageNetInfo
from torchvision.datasets import ImageFolder

from zoo.data.benchmarks import Benchmark, Dataset, DatasetNotFoundError
from zoo.data.parquet import Parquet, open_files

LONG = {"val": "validation"}  # as the Hub calls it


class WnidFolder(ImageFolder):  # type: ignore[misc]
    """Images in one folder for each class, which are in the order of their names."""

    def where(self, index: int) -> str:
        """The file of an image."""
        file: str = self.samples[index][0]
        return file


def open_split(benchmark: Benchmark, data: Path | None = None) -> Dataset:
    """The images of a split. Raises NoDataError when they are not there, or not all."""
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    home, split = data / benchmark.folder, benchmark.id.partition("/")[2]
    samples: Any
    if files := sorted(home.glob(f"{split}*.parquet")):
        samples = Parquet(open_files(files), benchmark.columns, files)
    elif (home / split).is_dir():
        samples = open_wnids(home / split)
    else:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {benchmark.folder}/{LONG.get(split, split)}-*.parquet or "
            f"{benchmark.folder}/{split}/<wnid>/*.JPEG in the folder of data {data}"
        )
    if len(samples) != benchmark.size:
        raise DatasetNotFoundError(
            f"{benchmark.id} has {benchmark.size} images, {home} holds {len(samples)}"
        )
    found: Dataset = samples
    return found


def open_wnids(path: Path) -> WnidFolder:
    """Images in folders called by ImageNet-1k's 1,000 wnids, whose order is that of the classes.
    Raises NoDataError for other folders, or without images."""
    names = sorted(child.name for child in path.iterdir() if child.is_dir())
    wnids = cast(Any, ImageNetInfo("imagenet-1k")).label_names()
    if names != wnids:
        odd = sorted(set(names) ^ set(wnids))[:3]
        raise DatasetNotFoundError(
            f"{path} has {len(names)} folders of wnids; ImageNet-1k has 1,000 of its own, and "
            f"they differ in {', '.join(odd)}"
        )
    return open_classes(path)


def open_classes(path: Path) -> WnidFolder:
    """Images in one folder for each class. Raises NoDataError without any."""
    try:
        return WnidFolder(path)
    except FileNotFoundError as error:
        raise DatasetNotFoundError(
            f"{path} has not one folder of images per class: {error}"
        ) from None
