"""State dicts -> safetensors files."""

import hashlib
import json
from pathlib import Path

import safetensors.torch
from torch import Tensor


def file_sha256(path: Path) -> str:
    """The sum of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_safetensors(state: dict[str, Tensor], path: Path, note: dict[str, str]) -> str:
    """Writes tensors as safetensors, whole or not at all, and returns the sha256.

    `note` goes into one metadata key: with two, two saves of the same tensors differ.
    """
    return write_checkpoint(encode_safetensors(state, note), path)


def encode_safetensors(state: dict[str, Tensor], note: dict[str, str]) -> bytes:
    """Tensors and `note` as the bytes of a safetensors file."""
    metadata = {"zoo": json.dumps(note, sort_keys=True)}
    return safetensors.torch.save({k: v.contiguous() for k, v in state.items()}, metadata)


def write_checkpoint(data: bytes, path: Path) -> str:
    """Writes a file, whole or not at all, and returns its sha256."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(path)
    return hashlib.sha256(data).hexdigest()
