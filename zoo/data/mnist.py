"""MNIST: its four original idx files, packed or not, or else parquet files as the Hub has them.

DIR/mnist/t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz]; DIR/mnist/test-*.parquet
"""

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.data import parquet
from zoo.data.benchmarks import Benchmark, DatasetNotFoundError

FOLDERS = ("mnist", "mnist_idx", "MNIST/raw")  # the last is torchvision's
PREFIXES = {"train": "train", "test": "t10k"}
SIDE = 28  # pixels
PACKED = b"\x1f\x8b"  # first bytes of a gzip file


class Digits:
    """(image, label) by index, of (N, 28, 28) pixels and N labels."""

    def __init__(self, pixels: Any, labels: Sequence[int], files: Sequence[Path]) -> None:
        self.pixels, self.labels, self.files = pixels, labels, files

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.pixels[index]), self.labels[index]

    def where(self, index: int) -> str:
        """Return the file of an image and its number there."""
        return f"image {index} of {self.files[0]}"


def open_split(benchmark: Benchmark, data: Path | None = None) -> Digits | parquet.Parquet:
    """Return the samples of a split, of idx files if they are there.

    Raises:
        DatasetNotFoundError: There are no files of the split, or they are not whole.
    """
    home = benchmark.require_folder(data).parent
    for folder in FOLDERS:
        if files := _idx_files(home / folder, PREFIXES[benchmark.split]):
            images, labels = (read_idx(file) for file in files)
            if images.shape != (len(labels), SIDE, SIDE) or labels.ndim != 1:
                shapes = f"{images.shape} and {labels.shape}"
                raise DatasetNotFoundError(f"{files[0]} and its labels have shapes {shapes}")
            benchmark.require_size(len(labels), files[0])
            return Digits(images, labels.tolist(), files)
    return parquet.open_split(benchmark, data)


def _idx_files(folder: Path, prefix: str) -> list[Path]:
    """Return the files of images and labels; none unless both are there."""
    names = (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
    pairs = [[folder / name, folder / f"{name}.gz"] for name in names]
    files = [next(filter(Path.is_file, pair), None) for pair in pairs]
    return [file for file in files if file] if all(files) else []


def read_idx(path: Path) -> Any:
    """Return the bytes of an idx file as an array of its shape.

    0, 0, 8 (for bytes), the number of dimensions, each as 4 bytes, the values.

    Raises:
        DatasetNotFoundError: It is no whole idx file of bytes.
    """
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if content.startswith(PACKED) else content
    except (OSError, EOFError, zlib.error):
        content = b""
    head, (dimensions,) = content[:3], content[3:4] or b"\0"
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if head != b"\0\0\x08" or not shape or len(content) != start + math.prod(shape):
        raise DatasetNotFoundError(f"{path} is no whole idx file of bytes; download it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
