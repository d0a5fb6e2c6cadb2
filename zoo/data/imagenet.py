"""ImageNet in either of its usual layouts.

DIR/imagenet/{train,val or validation}-*.parquet, as on the Hub; or
DIR/imagenet/{train,val}/<wnid>/*.JPEG
"""

from pathlib import Path
from typing import Any, cast

from timm.data import ImageNetInfo
from torchvision.datasets import ImageFolder

from zoo.data.benchmarks import Benchmark, Dataset, DatasetNotFoundError
from zoo.data.parquet import Parquet, open_files

HUB_SPLITS = {"val": "validation"}


class WnidFolder(ImageFolder):  # type: ignore[misc]
    """Images in one folder per class; classes are in the order of the folders' names."""

    def where(self, index: int) -> str:
        """Return the file of an image."""
        return str(self.samples[index][0])


def open_split(benchmark: Benchmark, data: Path | None = None) -> Dataset:
    """Return the images of a split. Raises DatasetNotFoundError if one is missing."""
    home, split = benchmark.require_folder(data), benchmark.split
    samples: Dataset
    if files := sorted(home.glob(f"{split}*.parquet")):
        samples = Parquet(open_files(files), benchmark.columns, files)
    elif (home / split).is_dir():
        samples = open_wnids(home / split)
    else:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {home.name}/{HUB_SPLITS.get(split, split)}-*.parquet or "
            f"{home.name}/{split}/<wnid>/*.JPEG in the folder of data {home.parent}"
        )
    benchmark.require_size(len(samples), home)
    return samples


def open_wnids(path: Path) -> WnidFolder:
    """Return images in folders named by ImageNet-1k's 1,000 wnids, whose order is that of the
    classes. Raises DatasetNotFoundError for other folders, or none."""
    names = sorted(child.name for child in path.iterdir() if child.is_dir())
    wnids = cast(Any, ImageNetInfo("imagenet-1k")).label_names()
    if names != wnids:
        differences = sorted(set(names) ^ set(wnids))[:3]
        raise DatasetNotFoundError(
            f"{path} has {len(names)} folders of wnids; ImageNet-1k has 1,000 of its own, and "
            f"they differ in {', '.join(differences)}"
        )
    return open_classes(path)


def open_classes(path: Path) -> WnidFolder:
    """Return images in one folder per class. Raises DatasetNotFoundError without any."""
    try:
        return WnidFolder(path)
    except FileNotFoundError as error:
        raise DatasetNotFoundError(
            f"{path} has not one folder of images per class: {error}"
        ) from None
