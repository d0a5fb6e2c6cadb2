"""digits: 1,797 handwritten digits of 8x8 pixels that come with scikit-learn.

load_digits() is the test half of UCI's optdigits (E. Alpaydin, C. Kaynak), with ink from 0 to 16
per pixel. Here a scan is a grey PIL image of 8x8, ink * 255 / 16 rounded; the weights' transform
resizes it to 32x32. The split is stratified and stored in digits_split.json with two sha256: of
the indices, and of all pixels.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from zoo._io import read_json
from zoo.data.benchmarks import Benchmark, DatasetNotFoundError

SPLIT = Path(__file__).with_name("digits_split.json")


@cache
def scans() -> tuple[np.ndarray, np.ndarray]:
    """Return all scans in scikit-learn's order: uint8 (1797, 8, 8) and labels (1797,)."""
    digits = load_digits()
    pixels = np.rint(digits.images * 255 / 16).astype(np.uint8)
    return pixels, digits.target.astype(np.int64)


def make_split() -> dict[str, object]:
    """Recompute the stored split: 20 % of every class to test, by scikit-learn, seed 0."""
    pixels, labels = scans()
    train, test = train_test_split(
        np.arange(len(labels)), test_size=360, stratify=labels, random_state=0
    )
    split = {"train": sorted(train.tolist()), "test": sorted(test.tolist())}
    return {"indices_sha256": digest(split), "pixels_sha256": _sum(pixels.tobytes()), **split}


def digest(split: dict[str, list[int]]) -> str:
    """Return the sha256 of the two lists of indices."""
    return _sum(json.dumps([split["train"], split["test"]]).encode())


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Digits:
    """One side of the split; `indices` are in scikit-learn's order."""

    def __init__(self, indices: list[int]) -> None:
        self.indices = indices
        self.pixels, self.labels = scans()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        i = self.indices[index]
        return Image.fromarray(self.pixels[i]), int(self.labels[i])


def open_split(benchmark: Benchmark, data: Path | None = None) -> Digits:
    """Return digits/train or digits/test; `data` is not needed.

    Raises DatasetNotFoundError if the scans or the stored split are not those of version 1.
    """
    split = read_json(SPLIT)
    pixels, _ = scans()
    if _sum(pixels.tobytes()) != split["pixels_sha256"] or digest(split) != split["indices_sha256"]:
        raise DatasetNotFoundError(
            f"{benchmark.id}: scikit-learn's digits are not those of {SPLIT.name}"
        )
    return Digits(split[benchmark.split])
