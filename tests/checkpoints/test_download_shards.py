"""Weights in several files on the Hub: locked, pinned, whole or not there."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.checkpoints import test_download as test_hub
from tests.checkpoints.test_download import lock_of
from tests.support.hub_server import Hub
from zoo.checkpoints import download, loading
from zoo.models._builder import build_model
from zoo.models._factory import _find_key_mapping
from zoo.models._registry import get_entry
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights, WeightsError

remote = test_hub.remote
REPO, INDEX = "somebody/sharded", "model.safetensors.index.json"


def entry(**changes: str) -> Weights:
    """Weights of a language model, in two files that nobody has pinned."""
    known = Weights(
        name="gpt2_nano.sharded",
        file=INDEX,
        sha256="",
        origin="the test",
        license="mit",
        relation="port",
        benchmarks=(),
        preprocessing={},
        repo=REPO,
        paper="gpt2",
    )
    return replace(known, **changes)


@pytest.fixture
def files() -> dict[str, bytes]:
    torch.manual_seed(0)
    state = {k: v.bfloat16() for k, v in build_model("gpt2_nano").state_dict().items()}
    keys = sorted(state)
    halves = {"model-00001-of-00002.safetensors": keys[::2]}
    halves["model-00002-of-00002.safetensors"] = keys[1::2]
    index = {"weight_map": {key: file for file, part in halves.items() for key in part}}
    shards = {f: safetensors.torch.save({k: state[k] for k in p}) for f, p in halves.items()}
    return {**shards, INDEX: json.dumps(index).encode()}


def test_read_checkpoint_locks_all_shards_at_one_commit(
    remote: Hub, files: dict[str, bytes], tmp_path: Path
) -> None:
    commit = remote.push(REPO, files)
    assert not download.is_cached(entry())
    state, weight_files = loading.fetch_tensors(entry())
    assert len(state) == len(build_model("gpt2_nano").state_dict())
    network = build_model("gpt2_nano")
    loading.load_pretrained(network, entry(), like=build_model("gpt2_nano", device="meta"))
    assert torch.equal(network.norm.weight, state["norm.weight"].float())
    assert lock_of(tmp_path) == {
        f"{REPO}{'' if name == INDEX else f'@{commit}'}/{name}": {
            "revision": commit,
            "sha256": sha256(content).hexdigest(),
        }
        for name, content in files.items()
    }
    assert (download.is_cached(entry()), [f.unpinned for f in weight_files]) == (True, 3 * [True])
    asked = len(remote.requests)
    loading.fetch_tensors(entry())
    assert len(remote.requests) == asked

    remote.push(REPO, {INDEX: files[INDEX]})  # later commits are not asked for
    _, weight_files = loading.fetch_tensors(entry())
    assert [file.unpinned for file in weight_files] == 3 * [False]


def test_read_checkpoint_missing_shard_at_commit_raises(
    remote: Hub, files: dict[str, bytes]
) -> None:
    remote.push(REPO, {INDEX: files[INDEX]})
    with pytest.raises(WeightsError, match=r"has no model-00001-of-00002\.safetensors at"):
        loading.fetch_tensors(entry())
    assert not download.is_cached(entry())


def test_read_checkpoint_wrong_pinned_shard_raises(remote: Hub, files: dict[str, bytes]) -> None:
    commit = remote.push(REPO, files)
    digest = sha256(files[INDEX]).hexdigest()
    pins = {name: sha256(content).hexdigest() for name, content in files.items() if name != INDEX}
    pinned = replace(entry(), sha256=digest, revision=commit, shards=pins)
    loading.fetch_tensors(pinned)
    wrong = replace(pinned, shards=dict.fromkeys(pins, "0" * 64))
    with pytest.raises(WeightsError, match="pins 0000"):
        loading.fetch_tensors(wrong)


def test_key_mapping_fits_every_hosted_language_model() -> None:
    """The `keys` of weights name a key mapping of their paper that supports their model."""
    hosted = [
        w
        for paper in load_papers()
        for w in paper.weights
        if w.repo and get_entry(w.model).is_language_model
    ]
    assert {w.repo for w in hosted} >= {"openai-community/gpt2", "Caiyun-AI/MUDDPythia-2.8B"}
    for w in hosted:
        assert _find_key_mapping(get_entry(w.model), w)
