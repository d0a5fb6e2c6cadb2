"""ImageNet in either of its usual layouts, and any other folder of one folder per class.

DIR/imagenet/{train,val or validation}-*.parquet, as on the Hub; or
DIR/imagenet/{train,val}/<wnid>/*.JPEG
"""

import hashlib
from pathlib import Path
from typing import Any, cast

from PIL import Image
from timm.data import ImageNetInfo
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import is_image_file

from zoo.data.benchmarks import Benchmark, Dataset, DatasetNotFoundError
from zoo.data.image_reading import load_image, to_mode
from zoo.data.parquet import Parquet, open_files

HUB_SPLITS = {"val": "validation"}
SYSTEM = {"__MACOSX", "__pycache__", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
SYSTEM |= {"@eaDir"}  # of Synology


def class_names(path: Path) -> list[str]:
    """Return the names of the class folders in the order of their labels.

    Names that are all numbers are in the order of the numbers, others in that of the text. Folders
    of the system and hidden ones are no class.
    """
    folders = (child.name for child in path.iterdir() if child.is_dir())
    names = sorted(name for name in folders if name[0] != "." and name not in SYSTEM)
    are_numbers = all(name.isascii() and name.isdecimal() for name in names)
    return sorted(names, key=int) if are_numbers else names


class ClassFolders(ImageFolder):  # type: ignore[misc]
    """Images in one folder per class, read as RGB, labelled in the order of `class_names`."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root), loader=_read_rgb, is_valid_file=_is_image)
        self.files = [Path(file) for file, _ in self.samples]

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Return the names of the classes in order, and each one's label."""
        names = class_names(Path(directory))
        if not names:
            raise FileNotFoundError(f"there is no folder in {directory}")
        return names, {name: label for label, name in enumerate(names)}

    @property
    def labels_sha256(self) -> str:
        """Hash of the names of all files and their labels."""
        root = Path(self.root)
        lines = (f"{Path(file).relative_to(root)} {label}\n" for file, label in self.samples)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def where(self, index: int) -> str:
        """Return the file of an image."""
        return str(self.files[index])


def _is_image(path: str) -> bool:
    """True for an image's suffix, except in hidden files and folders, such as ._photo.jpg."""
    file = Path(path)
    return is_image_file(path) and not (file.name[0] == "." or file.parent.name[0] == ".")


def _read_rgb(path: str) -> Image.Image:
    return to_mode(load_image(Path(path)), "RGB")


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


def open_wnids(path: Path) -> ClassFolders:
    """Return images in folders named by ImageNet-1k's 1,000 wnids, whose order is that of the
    classes. Raises DatasetNotFoundError for other folders, or none."""
    names = class_names(path)
    wnids = cast(Any, ImageNetInfo("imagenet-1k")).label_names()
    if names != wnids:
        differences = sorted(set(names) ^ set(wnids))[:3]
        raise DatasetNotFoundError(
            f"{path} has {len(names)} folders of wnids; ImageNet-1k has 1,000 of its own, and "
            f"they differ in {', '.join(differences)}"
        )
    return open_classes(path)


def open_classes(path: Path) -> ClassFolders:
    """Return images in one folder per class. Raises DatasetNotFoundError without any."""
    try:
        return ClassFolders(path)
    except FileNotFoundError as error:
        raise DatasetNotFoundError(
            f"{path} has not one folder of images per class: {error}"
        ) from None
