"""Published checkpoints of any format -> state dict; pickles with weights_only=True."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints.download import INDEX
from zoo.checkpoints.loading import read_safetensors
from zoo.checkpoints.safetensors_format import is_pickle, is_safetensors
from zoo.papers.weights import WeightsError

WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "params_ema", "params")
PREFIXES = r"((module|_orig_mod)\.)+"  # of DataParallel and of torch.compile


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a checkpoint that a person asked for.

    A pickle is read with weights_only=True: nothing in it runs.

    Returns:
        The state dict, without wrappers and DataParallel's "module.", and {key: reason} of what
        else is in the file.

    Raises:
        WeightsError: Neither safetensors nor a safe pickle, or no named tensors.
    """
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    content = _read(path)
    dropped: dict[str, str] = {}
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            dropped |= {str(key): "beside the tensors" for key in content if key != wrapper}
            content = content[wrapper]
    state: dict[str, Tensor] = {}
    for name, value in content.items() if isinstance(content, dict) else ():
        key = re.sub(f"^{PREFIXES}", "", str(name))
        if not isinstance(value, Tensor):
            dropped[key] = "no tensor"
        elif key in state:
            raise WeightsError(f"{path} has two tensors that are called {key!r}")
        elif not _is_stored(value):
            raise WeightsError(f"{path}: tensor {key!r} is not stored as all of its numbers")
        else:
            state[key] = value
    if not state:
        raise WeightsError(f"{path} holds no tensors by name")
    return state, dropped


def _read(path: Path) -> Any:
    """Read safetensors, shards or a pickle; the name decides only where the bytes do not."""
    with path.open("rb") as file:
        head = file.read(16)
    named = path.name.endswith((".safetensors", INDEX)) and not is_pickle(head)
    if named or is_safetensors(head):
        return read_safetensors(path)
    try:
        with path.open("rb") as file:  # given a path, torch.load goes by its suffix
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip each have errors of their own
        cause = str(error).partition("\n")[0] or type(error).__name__
        raise WeightsError(f"{path} is no checkpoint that can be read safely: {cause}") from None


def _is_stored(value: Tensor) -> bool:
    """True for a dense tensor with all of its elements in memory, not a few expanded to many."""
    dense = value.layout is torch.strided and value.device.type == "cpu" and not value.is_quantized
    return dense and value.numel() * value.itemsize <= value.untyped_storage().nbytes()
