"""Weights in several files on the Hub: locked, pinned, whole or not there."""

import json
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.checkpoints import test_download as test_hub
from tests.checkpoints.test_download import lock_of
from tests.support.hub_server import Hub
from zoo.checkpoints import download, hash_cache, loading, lockfile
from zoo.models._builder import build_model
from zoo.models._factory import weights_key_mapping
from zoo.models._registry import get_entry
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights, WeightsError

remote = test_hub.remote
REPO, INDEX = "somebody/sharded", "model.safetensors.index.json"
FIRST, SECOND = (f"model-0000{part}-of-00002.safetensors" for part in (1, 2))


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


def rewrite(files: dict[str, bytes], *, add: str = "", remove: str = "", index: bool) -> None:
    """Add a tensor to, or remove one from, the second shard, and the index if `index`."""
    table = json.loads(files[INDEX])
    state = safetensors.torch.load(files[SECOND])
    for key in filter(None, [add]):
        state[key] = torch.ones(1)
        table["weight_map"] |= {key: SECOND} if index else {}
    for key in filter(None, [remove]):
        state.pop(key, None)
        if index:
            table["weight_map"].pop(key)
    files |= {SECOND: safetensors.torch.save(state), INDEX: json.dumps(table).encode()}


@pytest.mark.parametrize("local", [False, True])
def test_fetch_tensors_index_that_disagrees_raises(
    remote: Hub, files: dict[str, bytes], tmp_path: Path, local: bool
) -> None:
    """A tensor in two shards, in none, or in one that the index does not know of it."""
    table = json.loads(files[INDEX])["weight_map"]
    first = next(key for key in table if table[key] == FIRST)
    second = next(key for key in table if table[key] == SECOND)
    cases = [
        (first, "", False, rf"{FIRST} and {SECOND} both have the tensor {first}"),
        ("more", "", False, rf"{SECOND} has more, and the index does not say so"),
        ("", second, False, rf"the index says that {SECOND} has {second}, and it has not"),
    ]
    for add, remove, index, message in cases:
        changed = dict(files)
        rewrite(changed, add=add, remove=remove, index=index)
        for name, content in changed.items():
            (tmp_path / name).write_bytes(content)
        remote.push(REPO, changed)
        weights = replace(entry(), revision=list(remote.repos[REPO])[-1])
        read = partial(loading.read_safetensors, tmp_path / INDEX)
        with pytest.raises(WeightsError, match=message):
            (read if local else partial(loading.fetch_tensors, weights))()


@pytest.mark.parametrize(
    "index",
    [b"[" * 200_000, b"{}", b'{"weight_map": {"a": 1}}', b'{"weight_map": {"a": ["b"]}}', b"[]"],
)
def test_parse_index_malformed_raises(index: bytes) -> None:
    with pytest.raises(WeightsError, match=r"no index of shards|names 1, no safetensors file"):
        download.parse_index("it", index)


def test_fetch_bytes_large_file_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six sparse gigabytes: in a folder, as an index, and as the caches of this machine."""
    path = tmp_path / INDEX
    with path.open("wb") as file:
        file.truncate(6 << 30)
    for read in (
        lambda: loading.fetch_bytes(entry(file=str(path), repo="")),
        lambda: loading.read_safetensors(path),
    ):
        with pytest.raises(WeightsError, match="has more than 67108864 bytes"):
            read()
    with pytest.raises(WeightsError, match="is not a lock file"):
        lockfile.read_lockfile(path)
    monkeypatch.setenv("ZOO_CHECKED", str(path))
    assert hash_cache.lookup(path, [0]) is None


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
        assert weights_key_mapping(get_entry(w.model), w)
