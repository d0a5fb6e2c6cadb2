"""Pinned weights into a network: bytes -> sha256 -> tensors -> strict loading."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from zoo.checkpoints.download import INDEX, download, evict_corrupt, parse_index, shard_weights
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.checkpoints.lockfile import Pin, add_lock, get_pin
from zoo.checkpoints.safetensors_reader import read_tensors
from zoo.checkpoints.writing import file_sha256
from zoo.papers.weights import Weights, WeightsError

FirstSeen = tuple[Weights, Pin]  # a file and the pin to lock once it fits


def read_pinned(weights: Weights) -> tuple[dict[str, Tensor], list[FirstSeen]]:
    """The tensors of weights: the bytes that are loaded are those that were hashed. And the pins to
    lock once they fit, if they are on the Hub and nobody has pinned them.

    Raises WeightsError when the sum is not the pinned one, or the bytes are no safetensors.
    """
    if not weights.file.endswith(INDEX):
        path, commit = _found(weights)
        first: list[FirstSeen] = []
        accept = partial(_accepted, weights, path, commit)
        return read_tensors(weights.name, path, lambda found: first.extend(accept(found))), first
    data, commit, first = read_verified(weights)
    state: dict[str, Tensor] = {}
    for shard in parse_index(weights.name, data):
        tensors, more = read_pinned(shard_weights(weights, shard, commit))
        state |= tensors
        first += more
    return state, first


def read_verified(weights: Weights) -> tuple[bytes, str, list[FirstSeen]]:
    """A file, its sum checked, and its commit; and its pin, if it is seen for the first time."""
    path, commit = _found(weights)
    data = path.read_bytes()
    return data, commit, _accepted(weights, path, commit, hashlib.sha256(data).hexdigest())


def locate_verified(weights: Weights) -> tuple[Path, str, list[FirstSeen]]:
    """Where a file is, its sum checked; otherwise as `verified`, for files of any size."""
    path, commit = _found(weights)
    return path, commit, _accepted(weights, path, commit, file_sha256(path))


def _found(weights: Weights) -> tuple[Path, str]:
    """Where a file is, and its commit on the Hub."""
    path, commit = download(weights) if weights.repo else (weights.path, "")
    if not path.is_file():
        fetch = f"; fetch {weights.url}, then `zoo convert FILE --install`" if weights.url else ""
        raise WeightsError(f"{weights.name}: no file at {path}{fetch}")
    return path, commit


def _accepted(weights: Weights, path: Path, commit: str, found: str) -> list[FirstSeen]:
    """The pin of a file that is seen for the first time, if any. Raises WeightsError for a sum that
    is not the pinned one, or not that of the file's own name in the cache."""
    own = Pin("", weights.sha256, weights.where) if weights.sha256 else None
    pin = get_pin(weights) if weights.repo else own
    wrong = evict_corrupt(path, found) if weights.repo else ""
    if pin and found != pin.sha256:
        raise WeightsError(
            f"{weights.name}: {path} has sha256 {found}, {pin.where} pins {pin.sha256}{wrong}"
        )
    if wrong:
        raise WeightsError(f"{weights.name}: {path} has sha256 {found}{wrong}")
    return [(weights, Pin(commit, found, ""))] if weights.repo and not pin else []


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of the shards that an index names. Raises WeightsError
    if one is not there, or none."""
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    if not path.name.endswith(INDEX):
        return read_tensors(str(path), path, lambda found: None)
    shards = [path.with_name(name) for name in parse_index(str(path), path.read_bytes())]
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise WeightsError(f"{path} names {', '.join(missing)}, which is not beside it")
    return {key: value for shard in shards for key, value in read_safetensors(shard).items()}


def load_pretrained(
    model: nn.Module,
    weights: Weights,
    *,
    like: nn.Module,
    resized: bool = False,
    scheme: KeyMapping | None = None,
) -> None:
    """Loads `weights`, named by `scheme`, into `model`; see fill."""
    state, first = read_pinned(weights)
    state = scheme.consume(state) if scheme else state
    load_state(model, state, weights.name, like=like, resized=resized)
    lock_first_seen(first)


def load_state(
    model: nn.Module, state: dict[str, Tensor], name: str, *, like: nn.Module, resized: bool = False
) -> None:
    """Loads tensors into `model`, which is `like` or a part of it (features).

    Every tensor of `like` must be in the file and every tensor of the file in `like`, with its
    shape; but a classifier's last layer that was `resized` keeps its fresh weights, and its first
    convolution of other input channels gets the file's, repeated or summed as timm does.
    """
    if not hasattr(like, "get_classifier"):
        check_keys(name, {k: tuple(v.shape) for k, v in like.state_dict().items()}, state)
        assign_state(model, state)
        return
    expected = like.state_dict()
    conv = cast(Any, like).pretrained_cfg["first_conv"] + ".weight"
    if conv in state and conv in expected and state[conv].shape[1] != expected[conv].shape[1]:
        state[conv] = adapt_input_conv(expected[conv].shape[1], state[conv])
    target = getattr(model, "model", model)
    own = target.state_dict()
    classifier = cast(Any, like).get_classifier(name_only=True) + "."
    replaced = resized and any(
        key not in expected or expected[key].shape != state[key].shape
        for key in state
        if key.startswith(classifier)
    )
    for key in set(state) if replaced else ():
        if key.startswith(classifier):
            del state[key]
    kept = {key for key in expected if not (replaced and key.startswith(classifier))}
    check_keys(name, {k: tuple(expected[k].shape) for k in kept}, state)
    fresh = {k: v for k, v in own.items() if k not in state}
    assign_state(target, {k: v for k, v in state.items() if k in own} | fresh)


def assign_state(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Makes tensors the model's own, without a copy where they have their memory to themselves and
    the types and devices of those that they replace."""
    taken: set[int] = set()
    for key, old in model.state_dict().items():
        new = state[key].to(old.device, old.dtype)
        alone = new.untyped_storage().nbytes() == new.nbytes and new.data_ptr() not in taken
        state[key] = new if alone and new.is_contiguous() else torch.empty_like(old).copy_(new)
        taken.add(state[key].data_ptr())
    model.load_state_dict(state, strict=True, assign=True)


def lock_first_seen(first: list[FirstSeen]) -> None:
    """Keeps what the first load found, now that it fits."""
    for weights, pin in first:
        add_lock(weights, pin)


def check_keys(name: str, expected: dict[str, tuple[int, ...]], state: dict[str, Tensor]) -> None:
    """Raises WeightsError that names what is missing, left over, or of another shape."""
    faults = [
        ("lacks", sorted(set(expected) - set(state))),
        ("has no use for", sorted(set(state) - set(expected))),
        (
            "has another shape for",
            [
                f"{key} {tuple(state[key].shape)} instead of {expected[key]}"
                for key in sorted(set(expected) & set(state))
                if tuple(state[key].shape) != expected[key]
            ],
        ),
    ]
    said = [f"{what} {_some(keys)}" for what, keys in faults if keys]
    if said:
        raise WeightsError(f"{name}: the file " + "; it ".join(said))


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 6} more" if len(keys) > 6 else ""
    return ", ".join(keys[:6]) + more
