"""Data sets that torchvision downloads and checks: its files and sums, served on loopback."""

import gzip
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torchvision.datasets
from scipy.io import savemat

from tests.support.data_sets import left, md5, tar_of
from tests.support.file_server import Answer, FileServer
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS

RANDOM = np.random.RandomState(0)


def serve_cifar10(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """CIFAR-10 as published, ten images a file; torchvision's URL and sums become its own."""
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    files = {
        name: pickle.dumps(
            {
                "data": RANDOM.randint(0, 256, (10, 3072), dtype=np.uint8),
                "labels": list(range(10)),
            }
        )
        for name in names
    }
    files["batches.meta"] = pickle.dumps({"label_names": [str(i) for i in range(10)]})
    archive = tar_of({f"cifar-10-batches-py/{name}": body for name, body in files.items()})
    kind = torchvision.datasets.CIFAR10
    server.files["/cifar-10-python.tar.gz"] = Answer(archive)
    monkeypatch.setattr(kind, "url", f"{server.url}/cifar-10-python.tar.gz")
    monkeypatch.setattr(kind, "tgz_md5", md5(archive))
    sums = [[name, md5(files[name])] for name in names]
    monkeypatch.setattr(kind, "train_list", sums[:5])
    monkeypatch.setattr(kind, "test_list", sums[5:])
    monkeypatch.setattr(kind, "meta", dict(kind.meta, md5=md5(files["batches.meta"])))
    return archive


@pytest.fixture
def cifar10(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, resize: Callable[..., None]
) -> FileServer:
    serve_cifar10(server, monkeypatch)
    resize("cifar10", 10, benchmarks=("cifar10/test",), per_class={"test": 1})
    return server


def test_get_cifar10_writes_layout_that_benchmark_reads(
    cifar10: FileServer, tmp_path: Path
) -> None:
    assert catalog.get("cifar10", tmp_path) == tmp_path / "cifar10"
    samples: Any = BENCHMARKS["cifar10/test"].open(tmp_path)
    assert [samples[i][1] for i in range(10)] == list(range(10))
    published = torchvision.datasets.CIFAR10(tmp_path / "own", train=False, download=True)
    assert all(np.array_equal(samples[i][0], published[i][0]) for i in range(10))
    assert [check.problem for check in catalog.verify(tmp_path)] == [""]


def test_get_twice_downloads_once(cifar10: FileServer, tmp_path: Path) -> None:
    catalog.get("cifar10", tmp_path)
    count = len(cifar10.requests)
    catalog.get("cifar10", tmp_path)
    assert len(cifar10.requests) == count
    assert left(tmp_path) == ["cifar10"]


def test_get_wrong_md5_raises_and_leaves_nothing(
    cifar10: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", "0" * 32)
    with pytest.raises(ValueError, match="cifar10 did not arrive whole; the same command tries"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []


def test_get_truncated_torchvision_file_starts_clean_next_time(
    cifar10: FileServer, tmp_path: Path
) -> None:
    whole = cifar10.files["/cifar-10-python.tar.gz"]
    cifar10.files["/cifar-10-python.tar.gz"] = Answer(whole.body[:1000])
    with pytest.raises(ValueError, match="cifar10 did not arrive whole"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []
    cifar10.files["/cifar-10-python.tar.gz"] = whole
    catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == ["cifar10"]


def test_get_unbalanced_classes_raises(
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    resize: Callable[..., None],
    tmp_path: Path,
) -> None:
    serve_cifar10(server, monkeypatch)
    resize("cifar10", 10, benchmarks=("cifar10/test",), per_class={"test": 2})
    with pytest.raises(ValueError, match="class 0 has 1 samples instead of 2"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []


def test_get_wrong_count_raises(
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    resize: Callable[..., None],
    tmp_path: Path,
) -> None:
    serve_cifar10(server, monkeypatch)
    resize("cifar10", 11, benchmarks=("cifar10/test",), per_class={})
    with pytest.raises(ValueError, match=r"what arrived is not whole: cifar10/test: .* holds 10"):
        catalog.get("cifar10", tmp_path)


def test_get_svhn_reads_published_mat_files(
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    resize: Callable[..., None],
    tmp_path: Path,
) -> None:
    """Label 10 of the file is the digit 0."""
    stream = io.BytesIO()
    pixels = RANDOM.randint(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    savemat(stream, {"X": pixels, "y": np.array([[1], [10], [2], [9]], dtype=np.uint8)})
    body = stream.getvalue()
    server.files["/test_32x32.mat"] = Answer(body)
    split = [f"{server.url}/test_32x32.mat", "test_32x32.mat", md5(body)]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", {"test": split})
    resize("svhn", 4, benchmarks=("svhn/test",))
    assert catalog.describe("svhn").bytes == len(body)
    catalog.get("svhn", tmp_path)
    samples: Any = BENCHMARKS["svhn/test"].open(tmp_path)
    assert [samples[i][1] for i in range(4)] == [1, 0, 2, 9]
    assert np.array_equal(samples[3][0], pixels[..., 3])


def test_get_mnist_reads_published_idx_files(
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    resize: Callable[..., None],
    tmp_path: Path,
) -> None:
    pixels = RANDOM.randint(0, 256, (3, 28, 28), dtype=np.uint8)
    images = (0x803).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    labels = (0x801).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes([7, 2, 1])
    resources = []
    for half in ("train", "t10k"):
        for kind, body in (("images-idx3", images + pixels.tobytes()), ("labels-idx1", labels)):
            name = f"{half}-{kind}-ubyte.gz"
            packed = gzip.compress(body, mtime=0)
            server.files[f"/mnist/{name}"] = Answer(packed)
            resources.append((name, md5(packed)))
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"{server.url}/mnist/"])
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    resize("mnist", 3)
    catalog.get("mnist", tmp_path)
    samples: Any = BENCHMARKS["mnist/test"].open(tmp_path)
    assert [samples[i][1] for i in range(3)] == [7, 2, 1]
    assert np.array_equal(samples[2][0], pixels[2])


def test_write_parquet_keeps_features(cifar10: FileServer, tmp_path: Path) -> None:
    catalog.get("cifar10", tmp_path)
    (file,) = (tmp_path / "cifar10").glob("*.parquet")
    features = datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache")).features
    assert isinstance(features["img"], datasets.Image)
    assert json.dumps(list(features)) == '["img", "label"]'


def test_get_over_other_folder_raises_and_keeps_it(cifar10: FileServer, tmp_path: Path) -> None:
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not what it should be"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path / "cifar10") == ["notes.txt"]
