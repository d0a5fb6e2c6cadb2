"""Load pinned weights into a network.

weights -> file -> bytes, hashed and verified -> tensors -> strict loading -> lock
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from zoo.checkpoints.download import (
    INDEX,
    MAX_SMALL,
    download,
    evict_corrupt,
    merge_shards,
    parse_index,
    read_small,
    shard_weights,
)
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.checkpoints.lockfile import add_lock, get_pin
from zoo.checkpoints.safetensors_reader import read_tensors
from zoo.checkpoints.writing import file_sha256
from zoo.papers.weights import Weights, WeightsError

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class VerifiedFile:
    """A file of weights on this machine, whose bytes are those that are pinned."""

    weights: Weights  # the file, as it was asked for
    path: Path
    commit: str  # on the Hub; "" for a local file
    sha256: str
    unpinned: bool  # True at the first load from the Hub: lock it once it fits


def locate(weights: Weights, max_bytes: int | None = None) -> tuple[Path, str]:
    """Return the path of a file, downloaded if it is on the Hub, and its commit there or ""."""
    path, commit = download(weights, max_bytes) if weights.repo else (weights.path, "")
    if not path.is_file():
        pull = f"; `zoo pull {weights.name}` downloads it" if weights.url else ""
        raise WeightsError(f"{weights.name}: no file at {path}{pull}")
    return path, commit


def verify(weights: Weights, path: Path, commit: str, sha256: str) -> VerifiedFile:
    """Check the sha256 of a file against its pin, and its name in the Hub's cache.

    Raises WeightsError if they differ; a corrupt file is then removed from the cache.
    """
    pin = get_pin(weights)
    expected = [f"{pin.where} pins {pin.sha256}"] if pin and pin.sha256 != sha256 else []
    if weights.repo and (blob := evict_corrupt(path, sha256)):
        expected.append(f"the Hub says {blob}: it is removed from the cache, ask for it again")
    if expected:
        raise WeightsError(f"{weights.name}: {path} has sha256 {sha256}, {'; '.join(expected)}")
    if weights.url and not pin:
        raise WeightsError(f"{weights.name}: {path} has sha256 {sha256}, which nothing pins")
    return VerifiedFile(weights, path, commit, sha256, unpinned=bool(weights.repo) and not pin)


def fetch(weights: Weights) -> VerifiedFile:
    """Locate and verify a file of any size."""
    path, commit = locate(weights)
    return verify(weights, path, commit, file_sha256(path))


def fetch_bytes(weights: Weights, max_bytes: int = MAX_SMALL) -> tuple[bytes, VerifiedFile]:
    """Locate, read and verify a small file; the bytes returned are those that were hashed."""
    path, commit = locate(weights, max_bytes)
    data = read_small(weights.name, path, max_bytes)
    return data, verify(weights, path, commit, hashlib.sha256(data).hexdigest())


def fetch_tensors(weights: Weights) -> tuple[dict[str, Tensor], list[VerifiedFile]]:
    """Locate, read and verify weights: a file, or an index and its shards.

    The tensors returned, on the CPU, are those that were hashed. Raises WeightsError if the bytes
    are not the pinned ones, or not safetensors.
    """
    if weights.file.endswith(INDEX):
        index, file = fetch_bytes(weights)
        files = [file]
        shards = []
        for shard, keys in parse_index(weights.name, index).items():
            tensors, shard_files = fetch_tensors(shard_weights(weights, shard, file.commit))
            shards.append((shard, keys, tensors))
            files += shard_files
        return merge_shards(weights.name, shards), files
    path, commit = locate(weights)
    files = []
    state = read_tensors(
        weights.name, path, lambda sha256: files.append(verify(weights, path, commit, sha256))
    )
    return state, files


def lock(files: Iterable[VerifiedFile]) -> None:
    """Write the files that nothing pins into the lock file, once their tensors fit the network."""
    for file in files:
        if file.unpinned:
            add_lock(file.weights, file.commit, file.sha256)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, or of all shards of an index."""
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    if not path.name.endswith(INDEX):
        return read_tensors(str(path), path, lambda sha256: None)
    shards = parse_index(str(path), read_small(str(path), path))
    if missing := [shard for shard in shards if not path.with_name(shard).is_file()]:
        raise WeightsError(f"{path} names {', '.join(missing)}, which is not beside it")
    parts = ((f, keys, read_safetensors(path.with_name(f))) for f, keys in shards.items())
    return merge_shards(str(path), parts)


def load_pretrained(
    model: nn.Module,
    weights: Weights,
    *,
    like: nn.Module,
    resized: bool = False,
    key_mapping: KeyMapping | None = None,
) -> None:
    """Load verified weights into a network, and lock them if nothing pins them.

    Args:
        model: The network, which is `like` or a part of it (features_only).
        weights: Where the tensors are and what pins them.
        like: The whole network; "meta" will do.
        resized: The caller has chosen the number of classes; see load_state.
        key_mapping: The names of the tensors in the file; None for the zoo's.

    Raises:
        WeightsError: Not the pinned bytes, or they do not fit the network.
    """
    state, files = fetch_tensors(weights)
    state = key_mapping.to_zoo_inplace(state) if key_mapping else state
    load_state(model, state, weights.name, like=like, resized=resized)
    lock(files)


def load_state(
    model: nn.Module, state: dict[str, Tensor], name: str, *, like: nn.Module, resized: bool = False
) -> None:
    """Load tensors strictly into `model`, which is `like` or a part of it.

    Two parts of a classifier may differ: if `resized`, a last layer of another shape keeps its
    fresh weights; and a first convolution with other input channels gets the file's, repeated or
    summed as timm does.
    """
    expected = like.state_dict()
    if not hasattr(like, "get_classifier"):
        check_keys(name, tensor_shapes(expected), state)
        assign_state(model, state)
        return
    conv = cast(Any, like).pretrained_cfg["first_conv"] + ".weight"
    if conv in state and conv in expected and state[conv].shape[1] != expected[conv].shape[1]:
        fresh = expected[conv]  # whose type the sums have, where the file has halves
        state[conv] = adapt_input_conv(fresh.shape[1], state[conv].to(fresh.dtype))
    prefix = cast(Any, like).get_classifier(name_only=True) + "."
    head = [key for key in state if key.startswith(prefix)]
    if resized and any(k not in expected or expected[k].shape != state[k].shape for k in head):
        for key in head:
            del state[key]
        expected = {key: value for key, value in expected.items() if not key.startswith(prefix)}
    check_keys(name, tensor_shapes(expected), state)
    target = getattr(model, "model", model)
    assign_state(target, {key: state.get(key, own) for key, own in target.state_dict().items()})


def assign_state(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Make tensors the model's own, with the dtypes and devices of those that they replace.

    A tensor is copied only if it shares its memory with another, or has to be converted.
    """
    assigned: set[int] = set()
    for key, old in model.state_dict().items():
        new = state[key].to(old.device, old.dtype)
        unshared = new.untyped_storage().nbytes() == new.nbytes and new.data_ptr() not in assigned
        state[key] = new if unshared and new.is_contiguous() else torch.empty_like(old).copy_(new)
        assigned.add(state[key].data_ptr())
    model.load_state_dict(state, strict=True, assign=True)


def tensor_shapes(state: Mapping[str, Tensor]) -> Shapes:
    """Return {key: shape} of a state dict."""
    return {key: tuple(value.shape) for key, value in state.items()}


def check_keys(name: str, expected: Shapes, state: Mapping[str, Tensor]) -> None:
    """Raise WeightsError that lists keys which are missing, unexpected or of another shape."""
    misshapen = [
        f"{key} {tuple(state[key].shape)} instead of {expected[key]}"
        for key in sorted(expected.keys() & state.keys())
        if tuple(state[key].shape) != expected[key]
    ]
    problems = {
        "lacks": sorted(expected.keys() - state.keys()),
        "has no use for": sorted(state.keys() - expected.keys()),
        "has another shape for": misshapen,
    }
    if messages := [f"{problem} {_abridged(keys)}" for problem, keys in problems.items() if keys]:
        raise WeightsError(f"{name}: the file " + "; it ".join(messages))


def _abridged(keys: list[str]) -> str:
    more = f" and {len(keys) - 6} more" if len(keys) > 6 else ""
    return ", ".join(keys[:6]) + more
