"""Weights in Torch7's files: the authors' modules with drawn weights, downloaded and converted.

golden/torch7.json -> a file in the providers' layout -> loopback -> the zoo's network
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import zoo
from tests.support.file_server import Answer
from tests.support.models import make_model
from tests.support.published_weights import left_over, mirror
from tests.support.torch7 import as_torch7, torch7_bytes, trees
from zoo.checkpoints.reading import read_checkpoint
from zoo.cli.app import app
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._conversion import convert_file, detect_model
from zoo.models._registry import get_entry
from zoo.papers.loading import load_papers
from zoo.papers.weights import WeightsError

ENTRIES = [w for paper in load_papers() for w in paper.weights if w.url.endswith(".t7")]


def drawn(name: str) -> Any:
    return make_model(name).float()


@pytest.mark.slow
@pytest.mark.parametrize("name", trees())
def test_detect_model_finds_authors_network_with_equal_tensors(name: str, tmp_path: Path) -> None:
    """Their modules take the layers in the order of execution, in which test_all_parity has them
    equal to the authors' own logits."""
    network, path = drawn(name), tmp_path / "network.t7"
    path.write_bytes(torch7_bytes(as_torch7(name, network)))
    state, _ = read_checkpoint(path)
    match = detect_model(state, str(path))
    assert (match.model, match.args) == (name, {})
    assert match.keys.from_zoo(match.keys.to_zoo(state)).keys() == state.keys()
    for key, value in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(match.state[key], value), key


def test_entries_have_number_and_mapping_of_their_network() -> None:
    assert {w.name: str(w.reported[0].error) for w in ENTRIES} == {
        "resnet18.fb_torch7": "30.43",
        "resnet34.fb_torch7": "26.73",
        "resnet101.fb_torch7": "22.44",
        "resnet152.fb_torch7": "22.16",
        "preresnet200.fb_torch7": "21.66",
        "resnext50_32x4d.authors_torch7": "22.2",
        "resnext101_32x4d.authors_torch7": "21.2",
        "resnext101_64x4d.authors_torch7": "20.4",
    }
    for weights in ENTRIES:
        (mapping,) = (
            m
            for m in key_mappings_of(get_entry(weights.model))
            if m.name == weights.key_mapping and m.supports(weights.model)
        )
        expected = build_model(weights.model, device="meta").state_dict()
        theirs = mapping.from_zoo({k: v for k, v in expected.items() if "num_batches" not in k})
        assert all(key[0].isdigit() for key in theirs), weights.name  # each key has a place


def test_create_downloads_checks_and_converts_torch7_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has published a sum: it is asked for once, and locked."""
    network, name = drawn("resnet18"), "resnet18.fb_torch7"
    with mirror(monkeypatch, tmp_path) as server:
        body = torch7_bytes(as_torch7("resnet18", network))
        server.files["/resnet-18.t7"] = Answer(body[:1000])
        with pytest.raises(WeightsError, match=f"`zoo pull {name} --trust`"):
            zoo.create(name, pretrained=True)
        done = CliRunner().invoke(app, ["pull", name, "--trust"])
        assert "damaged file of Torch7" in str(done.exception)
        assert left_over() == []
        server.files["/resnet-18.t7"] = Answer(body)
        done = CliRunner().invoke(app, ["pull", name, "--trust"])
        assert done.exit_code == 0, done.output
        requests = len(server.requests)
        model = zoo.create(name, pretrained=True)
        assert len(server.requests) == requests
    for key, value in network.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.slow
def test_convert_file_torch7_of_other_network_raises(tmp_path: Path) -> None:
    path = tmp_path / "resnet-18.t7"
    tree = as_torch7("resnet18", drawn("resnet18"))
    del tree.fields["modules"][11]  # the classifier
    path.write_bytes(torch7_bytes(tree))
    with pytest.raises(WeightsError, match="fits no architecture of the zoo"):
        convert_file(path)
    with pytest.raises(WeightsError, match="try `zoo convert"):
        zoo.create(str(path))
