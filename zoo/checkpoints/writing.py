"""State dicts <-> safetensors files with metadata."""

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from zoo._io import atomic_write


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_safetensors(state: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> str:
    """Write tensors as safetensors, whole or not at all, and return the sha256 of the file."""
    data = encode_safetensors(state, metadata)
    atomic_write(path, data)
    return hashlib.sha256(data).hexdigest()


def encode_safetensors(state: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Return tensors as the bytes of a safetensors file.

    All of `metadata` is in the one key "zoo": safetensors writes several keys in random order.
    """
    encoded = {"zoo": json.dumps(metadata, sort_keys=True)}
    return safetensors.torch.save({k: v.contiguous() for k, v in state.items()}, encoded)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata that `encode_safetensors` wrote into a file; {} for a file of others."""
    with safetensors.safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get("zoo", "")
    try:
        metadata = json.loads(text)
        args = metadata.get("args", {})
        return {**metadata, "args": ast.literal_eval(args) if isinstance(args, str) else args}
    except (ValueError, SyntaxError, AttributeError, RecursionError, MemoryError):
        return {}
