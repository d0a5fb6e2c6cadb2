"""MNIST's idx files: where they are looked for, what they hold, and files that are not whole."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.mnist import FOLDERS, read_idx

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
PIXELS = np.random.RandomState(0).randint(0, 256, (3, 28, 28), dtype=np.uint8)
CLASSES = np.array([7, 0, 9], dtype=np.uint8)


def idx(values: Any) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


def write(folder: Path, pixels: Any = PIXELS, labels: Any = CLASSES) -> None:
    """The images packed, the labels not."""
    folder.mkdir(parents=True)
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(idx(pixels)))
    (folder / LABELS).write_bytes(idx(labels))


@pytest.fixture
def _few_samples(resize: Callable[..., None]) -> None:
    resize("mnist", 3)


few = pytest.mark.usefixtures("_few_samples")


@few
@pytest.mark.parametrize("folder", FOLDERS)
def test_idx_files_are_read_wherever_people_have_them(folder: str, tmp_path: Path) -> None:
    write(tmp_path / folder)
    samples: Any = BENCHMARKS["mnist/test"].open(tmp_path)
    assert [samples[i][1] for i in range(len(samples))] == samples.labels == [7, 0, 9]
    assert all(np.array_equal(samples[i][0], PIXELS[i]) for i in range(3))
    assert samples[0][0].mode == "L"
    assert samples.where(2) == f"image 2 of {tmp_path / folder / IMAGES}.gz"


@few
@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (PIXELS, CLASSES[:2], r"have shapes \(3, 28, 28\) and \(2,\)"),
        (PIXELS[:, :27], CLASSES, r"have shapes \(3, 27, 28\)"),
        (PIXELS[:2], CLASSES[:2], r"mnist/test has 3 images, .* holds 2"),
    ],
)
def test_idx_files_that_do_not_fit_are_refused(
    pixels: Any, labels: Any, message: str, tmp_path: Path
) -> None:
    write(tmp_path / "mnist", pixels, labels)
    with pytest.raises(DatasetNotFoundError, match=message):
        BENCHMARKS["mnist/test"].open(tmp_path)


WHOLE = idx(PIXELS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WHOLE[:3],
        WHOLE[:10],
        WHOLE[:-1],
        WHOLE + b"\0",
        b"\0\0\x0d" + WHOLE[3:],
        gzip.compress(WHOLE)[:-9],
        b"\x1f\x8b",
    ],
)
def test_file_that_is_no_whole_idx_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / IMAGES
    path.write_bytes(content)
    with pytest.raises(DatasetNotFoundError, match=rf"{re.escape(str(path))} is no whole idx file"):
        read_idx(path)


def test_split_without_both_files_is_looked_for_in_parquet(tmp_path: Path) -> None:
    write(tmp_path / "mnist")
    (tmp_path / "mnist" / LABELS).unlink()
    with pytest.raises(DatasetNotFoundError, match=r"no mnist/test-\*\.parquet"):
        BENCHMARKS["mnist/test"].open(tmp_path)


@pytest.mark.data
def test_idx_files_hold_the_first_images_of_parquet(zoo_data: Path) -> None:
    from zoo.data.parquet import open_files

    samples: Any = BENCHMARKS["mnist/test"].open(zoo_data)
    rows = open_files([zoo_data / "mnist" / "test-00000-of-00001.parquet"])
    for i in range(0, len(rows), 100):
        assert np.array_equal(samples[i][0], rows[i]["image"])
        assert samples[i][1] == rows[i]["label"]
