"""Pinned weights into a network: bytes -> sha256 -> tensors -> strict loading."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from zoo import hub
from zoo.hub import Pin
from zoo.pretrained import Weights, WeightsError
from zoo.reading import load
from zoo.schemes import Scheme


def sha256(path: Path) -> str:
    """The sum of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


First = tuple[Weights, Pin]  # a file and the pin to lock once it fits


def read(weights: Weights) -> tuple[dict[str, Tensor], list[First]]:
    """The tensors of weights: the bytes that are loaded are those that were hashed. And the pins to
    lock once they fit, if they are on the Hub and nobody has pinned them.

    Raises WeightsError when the sum is not the pinned one, or the bytes are no safetensors.
    """
    if not weights.file.endswith(hub.INDEX):
        path, commit = _found(weights)
        first: list[First] = []
        accept = partial(_accepted, weights, path, commit)
        return load(weights.name, path, lambda found: first.extend(accept(found))), first
    data, commit, first = verified(weights)
    state: dict[str, Tensor] = {}
    for shard in hub.shards(weights.name, data):
        tensors, more = read(hub.shard(weights, shard, commit))
        state |= tensors
        first += more
    return state, first


def verified(weights: Weights) -> tuple[bytes, str, list[First]]:
    """A file, its sum checked, and its commit; and its pin, if it is seen for the first time."""
    path, commit = _found(weights)
    data = path.read_bytes()
    return data, commit, _accepted(weights, path, commit, hashlib.sha256(data).hexdigest())


def checked(weights: Weights) -> tuple[Path, str, list[First]]:
    """Where a file is, its sum checked; otherwise as `verified`, for files of any size."""
    path, commit = _found(weights)
    return path, commit, _accepted(weights, path, commit, sha256(path))


def _found(weights: Weights) -> tuple[Path, str]:
    """Where a file is, and its commit on the Hub."""
    path, commit = hub.fetch(weights) if weights.repo else (weights.path, "")
    if not path.is_file():
        fetch = f"; fetch {weights.url}, then `zoo convert FILE --install`" if weights.url else ""
        raise WeightsError(f"{weights.name}: no file at {path}{fetch}")
    return path, commit


def _accepted(weights: Weights, path: Path, commit: str, found: str) -> list[First]:
    """The pin of a file that is seen for the first time, if any. Raises WeightsError for a sum that
    is not the pinned one, or not that of the file's own name in the cache."""
    own = Pin("", weights.sha256, weights.where) if weights.sha256 else None
    pin = hub.pin_of(weights) if weights.repo else own
    wrong = hub.discard(path, found) if weights.repo else ""
    if pin and found != pin.sha256:
        raise WeightsError(
            f"{weights.name}: {path} has sha256 {found}, {pin.where} pins {pin.sha256}{wrong}"
        )
    if wrong:
        raise WeightsError(f"{weights.name}: {path} has sha256 {found}{wrong}")
    return [(weights, Pin(commit, found, ""))] if weights.repo and not pin else []


def tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of the shards that an index names. Raises WeightsError
    if one is not there, or none."""
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    if not path.name.endswith(hub.INDEX):
        return load(str(path), path, lambda found: None)
    shards = [path.with_name(name) for name in hub.shards(str(path), path.read_bytes())]
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise WeightsError(f"{path} names {', '.join(missing)}, which is not beside it")
    return {key: value for shard in shards for key, value in tensors(shard).items()}


def save(state: dict[str, Tensor], path: Path, note: dict[str, str]) -> str:
    """Writes tensors as safetensors, whole or not at all, and returns the sha256.

    `note` goes into one metadata key: with two, two saves of the same tensors differ.
    """
    return write(encode(state, note), path)


def encode(state: dict[str, Tensor], note: dict[str, str]) -> bytes:
    """Tensors and `note` as the bytes of a safetensors file."""
    metadata = {"zoo": json.dumps(note, sort_keys=True)}
    return safetensors.torch.save({k: v.contiguous() for k, v in state.items()}, metadata)


def write(data: bytes, path: Path) -> str:
    """Writes a file, whole or not at all, and returns its sha256."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(path)
    return hashlib.sha256(data).hexdigest()


def load_into(
    model: nn.Module,
    weights: Weights,
    *,
    like: nn.Module,
    resized: bool = False,
    scheme: Scheme | None = None,
) -> None:
    """Loads `weights`, named by `scheme`, into `model`; see fill."""
    state, first = read(weights)
    state = scheme.consume(state) if scheme else state
    fill(model, state, weights.name, like=like, resized=resized)
    lock(first)


def fill(
    model: nn.Module, state: dict[str, Tensor], name: str, *, like: nn.Module, resized: bool = False
) -> None:
    """Loads tensors into `model`, which is `like` or a part of it (features).

    Every tensor of `like` must be in the file and every tensor of the file in `like`, with its
    shape; but a classifier's last layer that was `resized` keeps its fresh weights, and its first
    convolution of other input channels gets the file's, repeated or summed as timm does.
    """
    if not hasattr(like, "get_classifier"):
        check_keys(name, {k: tuple(v.shape) for k, v in like.state_dict().items()}, state)
        put(model, state)
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
    put(target, {k: v for k, v in state.items() if k in own} | fresh)


def put(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Makes tensors the model's own, without a copy where they have their memory to themselves and
    the types and devices of those that they replace."""
    taken: set[int] = set()
    for key, old in model.state_dict().items():
        new = state[key].to(old.device, old.dtype)
        alone = new.untyped_storage().nbytes() == new.nbytes and new.data_ptr() not in taken
        state[key] = new if alone and new.is_contiguous() else torch.empty_like(old).copy_(new)
        taken.add(state[key].data_ptr())
    model.load_state_dict(state, strict=True, assign=True)


def lock(first: list[First]) -> None:
    """Keeps what the first load found, now that it fits."""
    for weights, pin in first:
        hub.lock(weights, pin)


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
