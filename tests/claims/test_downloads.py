"""`zoo check --download`: what it says, asks, downloads and measures."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha1
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
import typer
from huggingface_hub import constants
from PIL import Image
from typer.testing import CliRunner

import zoo
from tests.support.file_server import Answer, FileServer
from tests.support.patching import replace_everywhere
from tests.support.published_weights import (
    RELEASES,
    checkpoint_bytes,
    mirror,
    register_weights,
    zip_bytes,
)
from zoo.checkpoints.lockfile import read_lockfile
from zoo.claims.downloads import Download, plan_downloads
from zoo.claims.selection import select
from zoo.cli.app import app
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import DatasetEntry, RemoteFile
from zoo.evaluation import ledger
from zoo.models._registry import list_weights
from zoo.papers.weights import Weights

MODEL = "pyramidnet110_a48"
IMAGES = 8
pytestmark = pytest.mark.usefixtures("nothing_published")


def publish(server: FileServer, weights: Weights, peer: str) -> Weights:
    """Serve random weights as pytorchcv publishes its own; return the entry with their sum."""
    from pytorchcv.model_provider import get_model

    torch.manual_seed(0)
    content = checkpoint_bytes(get_model(peer).state_dict())
    path = weights.url.removeprefix("https://github.com")
    server.files[path] = Answer(zip_bytes({Path(path).stem: content}))
    return replace(weights, sum=f"sha1:{sha1(content).hexdigest()}")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    with mirror(monkeypatch, tmp_path) as files:
        yield files


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of data with a CIFAR-10 of few random images."""
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), np.uint8)
    features = datasets.Features({"img": datasets.Image(), "label": datasets.Value("int64")})
    rows = {"img": [Image.fromarray(p) for p in pixels], "label": [i % 10 for i in range(IMAGES)]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(
        folder / "test-00000-of-00001.parquet"
    )
    small = replace(BENCHMARKS["cifar10/test"], size=IMAGES)
    monkeypatch.setitem(BENCHMARKS, "cifar10/test", small)
    return folder.parent


@pytest.fixture
def weights(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Weights:
    model = getattr(request, "param", MODEL)
    (entry,) = (w for w in list_weights(model) if w.name.endswith(".pytorchcv_cifar10"))
    published = publish(server, entry, f"{model}_cifar10")
    register_weights(monkeypatch, published)
    return published


def run(*args: str) -> Any:
    return CliRunner().invoke(app, ["check", *args])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "claimed"),
    [
        (MODEL, "4.62 %"),
        pytest.param("wrn28_10", "4.17 %", marks=pytest.mark.slow),
    ],
    indirect=["weights"],
)
def test_check_download_from_nothing_to_three_columns(
    weights: Weights, claimed: str, data: Path, server: FileServer
) -> None:
    done = run(weights.model, "--download", "--yes", "--data", str(data), "--json")
    assert done.exit_code in (0, 1), done.output
    (size,) = (len(answer.body) for answer in server.files.values())
    assert f"{weights.name} " in done.stderr
    assert f" {size / 1e6:.1f} MB " in done.stderr
    assert " mit " in done.stderr
    rows = [r for r in json.loads(done.stdout) if r["metric"] == "error on cifar10/test"]
    row = next(r for r in rows if r["claimed"] == claimed)
    assert row["provider"] == f"{weights.reported[0].error} % ({weights.name})"
    assert row["measured"].endswith(f"of {IMAGES} wrong)")
    (record,) = ledger.own().records()
    (lock,) = read_lockfile().values()
    assert record["sha256"] == lock["sha256"]
    asked = list(server.requests)
    again = run(weights.model, "--download", "--yes", "--data", str(data))
    assert "nothing to download" in again.output
    assert server.requests == asked


@pytest.mark.usefixtures("weights")
def test_check_download_without_terminal_asks_for_yes(server: FileServer, data: Path) -> None:
    done = run(MODEL, "--download", "--data", str(data))
    assert isinstance(done.exception, ValueError)
    assert "without a terminal, add --yes" in str(done.exception)
    assert server.requests == []


@pytest.mark.usefixtures("weights")
def test_check_download_answer_no_downloads_nothing(
    server: FileServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.cli.check import ProgressBars
    from zoo.reporting.console import make_console

    monkeypatch.setattr(
        typer, "confirm", lambda *args, abort, **kwargs: (_ for _ in ()).throw(typer.Abort())
    )
    with pytest.raises(typer.Abort):
        zoo.check(MODEL, data=data, download=True, on_progress=ProgressBars(make_console(), True))
    assert [request.partition(" ")[0] for request in server.requests] == ["HEAD"]
    assert read_lockfile() == {}


@pytest.mark.usefixtures("weights")
def test_check_download_where_no_data_can_be_had_downloads_nothing(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that cannot be measured here are of no use."""
    replace_everywhere(monkeypatch, "zoo.data.catalog.entries.list_datasets", lambda: ())
    zoo.check(MODEL, download=True, data=tmp_path / "empty")
    assert server.requests == []


def test_plan_downloads_data_of_every_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For networks that enlarge by 3, though the check of a set is at 2."""
    with mirror(monkeypatch, tmp_path):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # sizes are not asked for
        plan = plan_downloads(select(["edsr_x3"]), tmp_path, "fp32", [], every=False)
    assert {"set5", "set14", "b100", "urban100"} <= {each.name for each in plan}


@pytest.mark.slow
def test_check_download_gets_data_and_weights(
    weights: Weights,
    data: Path,
    server: FileServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Data goes to ZOO_DATA, and is there for the next check."""
    (file,) = data.rglob("*.parquet")
    server.files[f"/{file.name}"] = Answer(file.read_bytes())
    entry = DatasetEntry(
        name="cifar10",
        title="",
        home="https://example.org",
        license="none stated",
        benchmarks=("cifar10/test",),
        files=(RemoteFile(url=f"https://example.org/{file.name}"),),
    )
    replace_everywhere(monkeypatch, "zoo.data.catalog.entries.list_datasets", lambda: (entry,))
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "elsewhere"))
    done = run(MODEL, "--download", "--yes", "--json")
    assert done.exit_code in (0, 1), done.output
    assert "cifar10 " in done.stderr
    assert " none stated " in done.stderr
    row = next(r for r in json.loads(done.stdout) if r["metric"] == "error on cifar10/test")
    assert row["provider"].endswith(f"({weights.name})")
    assert row["measured"].endswith(f"of {IMAGES} wrong)")
    assert (tmp_path / "elsewhere" / "cifar10" / file.name).read_bytes() == file.read_bytes()


def test_check_download_of_moved_file_says_so_and_goes_on(
    weights: Weights, data: Path, server: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.files.clear()
    with caplog.at_level(logging.ERROR):
        rows = zoo.check(MODEL, data=data, download=True)
    (message,) = (record.message for record in caplog.records)
    assert "is not there (404)" in message
    (row,) = (r for r in rows if r.metric == "error on cifar10/test")
    assert row.status == "not run"


@pytest.mark.slow
def test_plan_downloads_smallest_first_with_time_of_own_records(
    weights: Weights, data: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(weights, name=f"{MODEL}.other", file="other", url=f"{RELEASES}/other.zip")
    register_weights(monkeypatch, other, weights)
    server.files["/osmr/imgclsmob/releases/download/other.zip"] = Answer(bytes(1000))

    def plan(every: bool) -> list[Download]:
        own = ledger.own().records()
        return plan_downloads(select([MODEL]), data, "fp32", own, every=every)

    first = list_weights(MODEL)[0]
    assert [each.name for each in plan(False)] == [first.name]
    assert [each.name for each in plan(True)] == [other.name, weights.name]
    assert [each.seconds for each in plan(True)] == [None, None]
    assert plan(True)[0].bytes == 1000
    del server.files["/osmr/imgclsmob/releases/download/other.zip"]
    (small,) = (each for each in plan(True) if each.name == other.name)
    assert (small.bytes > 4 * 1_772_706, small.is_exact) == (True, False)
    zoo.check(weights.name, data=data, download=True)
    (left,) = plan(True)
    assert left.name == other.name
    assert left.seconds is not None
    assert left.seconds > 0
