"""Data sets that torchvision reads: its files and sums, served on loopback as a mirror."""

import gzip
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import datasets
import numpy as np
import pytest
import torchvision.datasets
from huggingface_hub import constants
from huggingface_hub.utils import _http as http
from scipy.io import savemat

from tests.support.data_sets import left, md5, tar_of
from tests.support.file_server import Answer, FileServer
from tests.support.full_disk import full_disk
from zoo.checkpoints import web
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import RemoteFile, get_dataset, list_datasets

RANDOM = np.random.RandomState(0)


CIFAR10 = "/~kriz/cifar-10-python.tar.gz"


def serve(server: FileServer, name: str, bodies: dict[str, bytes]) -> tuple[RemoteFile, ...]:
    """Serve files of a data set under their published paths; return those files, with new sums."""
    files = []
    for file in get_dataset(name).files:
        path = urlsplit(file.url).path
        if body := bodies.get(path.rpartition("/")[2]):
            server.files[path] = Answer(body)
            files.append(replace(file, sum=f"md5:{md5(body)}"))
    return tuple(files)


@pytest.fixture
def cifar10(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, resize: Callable[..., None]
) -> FileServer:
    """CIFAR-10 as published, ten images a file; torchvision's sums become those of its files."""
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
    monkeypatch.setattr(kind, "tgz_md5", md5(archive))
    sums = [[name, md5(files[name])] for name in names]
    monkeypatch.setattr(kind, "train_list", sums[:5])
    monkeypatch.setattr(kind, "test_list", sums[5:])
    monkeypatch.setattr(kind, "meta", dict(kind.meta, md5=md5(files["batches.meta"])))
    served = serve(server, "cifar10", {CIFAR10.rpartition("/")[2]: archive})
    resize("cifar10", 10, benchmarks=("cifar10/test",), per_class={"test": 1}, files=served)
    return server


def test_files_of_entries_are_torchvisions() -> None:
    known = torchvision.datasets
    files = [(kind.url, kind.tgz_md5) for kind in (known.CIFAR10, known.CIFAR100)]
    files += [(known.SVHN.split_list[s][0], known.SVHN.split_list[s][2]) for s in ("train", "test")]
    files += [(known.MNIST.mirrors[0] + name, md5) for name, md5 in known.MNIST.resources]
    entries = [entry for entry in list_datasets() if entry.builder == "torchvision"]
    actual = [(file.url, file.sum) for entry in entries for file in entry.files]
    assert actual == [(url, f"md5:{md5}") for url, md5 in files]


def test_get_cifar10_writes_layout_that_benchmark_reads(
    cifar10: FileServer, tmp_path: Path
) -> None:
    assert catalog.get("cifar10", tmp_path) == tmp_path / "cifar10"
    samples: Any = BENCHMARKS["cifar10/test"].open(tmp_path)
    assert [samples[i][1] for i in range(10)] == list(range(10))
    assert cifar10.requests == [f"GET {CIFAR10}"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / CIFAR10.rpartition("/")[2]).write_bytes(cifar10.files[CIFAR10].body)
    published = torchvision.datasets.CIFAR10(tmp_path / "own", train=False, download=True)
    assert all(np.array_equal(samples[i][0], published[i][0]) for i in range(10))
    assert [check.problem for check in catalog.verify(tmp_path)] == [""]


def test_get_twice_downloads_once(cifar10: FileServer, tmp_path: Path) -> None:
    catalog.get("cifar10", tmp_path)
    count = len(cifar10.requests)
    catalog.get("cifar10", tmp_path)
    assert len(cifar10.requests) == count
    assert left(tmp_path) == ["cifar10"]


def test_get_other_file_raises_and_leaves_nothing(cifar10: FileServer, tmp_path: Path) -> None:
    cifar10.files[CIFAR10] = Answer(cifar10.files[CIFAR10].body[:-1])
    with pytest.raises(ValueError, match=r"cifar-10-python\.tar\.gz has the md5 .* removed"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []


def test_get_offline_asks_for_nothing(
    cifar10: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="and HF_HUB_OFFLINE is set"):
        catalog.get("cifar10", tmp_path)
    assert cifar10.requests == []


def test_get_interrupted_torchvision_file_resumes(cifar10: FileServer, tmp_path: Path) -> None:
    cifar10.files[CIFAR10].cut_after = 1000
    with pytest.raises(ValueError, match="after 1000 bytes; the same command resumes"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []
    catalog.get("cifar10", tmp_path)
    assert cifar10.requests == [f"GET {CIFAR10}", f"GET {CIFAR10} bytes=1000-"]
    assert left(tmp_path) == ["cifar10"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file of datasets
def test_get_full_disk_of_parquet_raises(
    cifar10: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    """What was downloaded before and unpacked is kept; what is made of it does not fit."""
    resize("cifar10", 11)
    with pytest.raises(ValueError, match="holds 10"):
        catalog.get("cifar10", tmp_path)
    resize("cifar10", 10)
    with full_disk(20_000), pytest.raises(ValueError, match=r"cifar10 could not be built .* large"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []
    catalog.get("cifar10", tmp_path)
    assert len(cifar10.requests) == 1


def test_get_unbalanced_classes_raises(
    cifar10: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    resize("cifar10", 10, per_class={"test": 2})
    with pytest.raises(ValueError, match="class 0 has 1 samples instead of 2"):
        catalog.get("cifar10", tmp_path)
    assert left(tmp_path) == []


def test_get_wrong_count_raises(
    cifar10: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    resize("cifar10", 11, per_class={})
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
    split = ["", "test_32x32.mat", md5(body)]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", {"test": split})
    served = serve(server, "svhn", {"test_32x32.mat": body})
    resize("svhn", 4, benchmarks=("svhn/test",), files=served)
    assert catalog.describe("svhn").bytes == len(body)
    catalog.get("svhn", tmp_path)
    samples: Any = BENCHMARKS["svhn/test"].open(tmp_path)
    assert [samples[i][1] for i in range(4)] == [1, 0, 2, 9]
    assert np.array_equal(samples[3][0], pixels[..., 3])


def test_get_file_with_sum_needs_no_https(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SVHN's server has none, here behind a proxy; a file without a sum is not taken so."""
    monkeypatch.delenv("ZOO_MIRROR")
    monkeypatch.setenv("HTTP_PROXY", server.url)
    http.close_session()
    with pytest.raises(ValueError, match=r"ufldl\.stanford\.edu/.* is not there \(404\)"):
        catalog.get("svhn", tmp_path)
    assert server.requests == ["GET //ufldl.stanford.edu/housenumbers/train_32x32.mat"]
    with pytest.raises(ValueError, match="must be https"):
        web.download("http://ufldl.stanford.edu/a", tmp_path / "a", max_bytes=1)
    http.close_session()


def test_get_mnist_reads_published_idx_files(
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    resize: Callable[..., None],
    tmp_path: Path,
) -> None:
    pixels = RANDOM.randint(0, 256, (3, 28, 28), dtype=np.uint8)
    images = (0x803).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    labels = (0x801).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes([7, 2, 1])
    bodies = {}
    for half in ("train", "t10k"):
        for kind, body in (("images-idx3", images + pixels.tobytes()), ("labels-idx1", labels)):
            name = f"{half}-{kind}-ubyte.gz"
            bodies[name] = gzip.compress(body, mtime=0)
    sums = [(name, md5(body)) for name, body in bodies.items()]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", sums)
    resize("mnist", 3, files=serve(server, "mnist", bodies))
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
