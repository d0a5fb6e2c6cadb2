"""Weights as pytorchcv publishes them: random tensors in a zip on a release of GitHub."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import _http

import zoo
from tests.support.file_server import FileServer, serving
from tests.support.patching import replace_everywhere
from zoo.checkpoints import lockfile
from zoo.models._registry import get_entry, paper_of
from zoo.papers.loading import load_papers
from zoo.papers.weights import OTHER_RECIPE, Weights, WeightsError, installed_dir

RELEASES = "https://github.com/osmr/imgclsmob/releases/download"
NAME = "resnet20.pytorchcv_cifar10"
MEMBER = "resnet20_cifar10-0597-9b0024ac.pth"
PATH = f"/osmr/imgclsmob/releases/download/v0.0.163/{MEMBER}.zip"


@contextmanager
def mirror(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[FileServer]:
    """A server that is the mirror of every host, and an empty machine, in `folder`, as its client.

    No request may bring a token."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("ZOO_WEIGHTS", str(folder / "weights"))
    monkeypatch.setenv("ZOO_LOCK", str(folder / "lock.json"))
    _http.close_session()
    with serving() as files:
        monkeypatch.setenv("ZOO_MIRROR", files.url)
        yield files
    _http.close_session()
    assert files.tokens == []


def checkpoint_bytes(state: Mapping[str, Any]) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A zip with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def make_published(
    name: str, content: bytes, file: str, *, benchmark: str = "cifar10/test", **changes: Any
) -> Weights:
    """An entry of weights at a URL, with the sha1 of `content`."""
    paper = paper_of(get_entry(name.partition(".")[0]))
    assert paper
    weights = Weights(
        name=name,
        file=f"{name}.safetensors",
        sha256="",
        origin="https://github.com/osmr/imgclsmob",
        license="mit",
        relation=OTHER_RECIPE,
        benchmarks=(benchmark,),
        preprocessing={},
        url=f"{RELEASES}/v0.0.163/{file}",
        sum=f"sha1:{sha1(content).hexdigest()}",
        provider="pytorchcv",
        paper=paper.id,
    )
    return replace(weights, **changes)


def register_weights(monkeypatch: pytest.MonkeyPatch, *weights: Weights) -> None:
    """List weights as the only ones of their architectures, until the test ends."""
    models = {each.model for each in weights}
    papers = [
        replace(
            paper,
            weights=(
                *(w for w in paper.weights if w.model not in models),
                *(w for w in weights if w.paper == paper.id),
            ),
        )
        for paper in load_papers()
    ]
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: papers)


def left_over() -> list[str]:
    """Files in the folder of installed weights, without locks."""
    files = (p for p in installed_dir().rglob("*") if p.is_file())
    return sorted(p.name for p in files if p.suffix not in (".lock", ".installing"))


def refused(match: str) -> None:
    """Expect one sentence, and that nothing is kept."""
    with pytest.raises(WeightsError, match=match) as error:
        zoo.create(NAME, pretrained=True)
    assert "\n" not in str(error.value)
    assert left_over() == []
    assert lockfile.read_lockfile() == {}
