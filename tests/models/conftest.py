"""A published ResNet-20 of pytorchcv's, and the server that has it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.file_server import Answer, FileServer
from tests.support.published_weights import (
    MEMBER,
    NAME,
    PATH,
    checkpoint_bytes,
    make_published,
    mirror,
    register_weights,
    zip_bytes,
)
from zoo.papers.weights import Weights


@pytest.fixture(scope="module")
def network() -> Any:
    """pytorchcv's ResNet-20 with random weights and statistics."""
    from pytorchcv.model_provider import get_model

    torch.manual_seed(0)
    model = get_model("resnet20_cifar10").eval()
    for value in model.state_dict().values():
        if value.dim() == 1:
            value.uniform_(0.5, 1.5)
    return model


@pytest.fixture(scope="module")
def content(network: Any) -> bytes:
    return checkpoint_bytes(network.state_dict())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    with mirror(monkeypatch, tmp_path) as files:
        yield files


@pytest.fixture
def weights(content: bytes, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """The entry of the published network, which the server has."""
    entry = make_published(NAME, content, f"{MEMBER}.zip", args={"shortcut": "B"})
    register_weights(monkeypatch, entry)
    server.files[PATH] = Answer(zip_bytes({MEMBER: content}))
    return entry
