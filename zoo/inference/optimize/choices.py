"""Which backend was fastest, for each network, input, machine and version.

ZOO_BACKENDS names the file; empty: nothing is remembered.
"""

import hashlib
import json
import os
import platform
from contextlib import suppress
from pathlib import Path

import torch
from filelock import FileLock
from huggingface_hub import constants

from zoo._io import read_small, write_json
from zoo.inference.optimize.backends import BACKENDS, Job, backend_version

MOST = 1000  # choices in the file: then the oldest goes


def key(job: Job) -> str:
    """Return a sum of all that the fastest backend depends on."""
    tensors = [*job.model.named_parameters(), *job.model.named_buffers()]
    device = job.example.device
    parts = (
        repr(job.model),
        [(name, tuple(t.shape), str(t.dtype)) for name, t in tensors],
        (tuple(job.example.shape), str(job.example.dtype), str(job.dtype), job.tolerance),
        (platform.machine(), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()),
        torch.get_device_module(device).get_device_name(device) if device.type == "cuda" else "",
        [(name, backend_version(name)) for name in BACKENDS],
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def path() -> Path | None:
    """Return the file of choices, or None if ZOO_BACKENDS is empty."""
    named = os.environ.get("ZOO_BACKENDS")
    if named is None:
        return Path(constants.HF_HOME) / "zoo" / "backends.json"
    return Path(named) if named else None


def lookup(key: str) -> str | None:
    """Return the backend that was chosen, if it is known."""
    file = path()
    return _read(file).get(key) if file else None


def store(key: str, backend: str) -> None:
    """Remember a backend; where the file cannot be written, it is chosen anew next time."""
    if not (file := path()):
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f"{file.name}.lock")):
            others = {k: v for k, v in _read(file).items() if k != key}
            write_json(file, dict([*others.items(), (key, backend)][-MOST:]))


def _read(file: Path) -> dict[str, str]:
    try:
        entries = json.loads(read_small(file)).items()
        return {k: v for k, v in entries if v in BACKENDS}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}  # missing or damaged
