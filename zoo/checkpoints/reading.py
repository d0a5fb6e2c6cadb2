"""Published checkpoints of any format -> state dict; pickles with weights_only=True."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints import download, safetensors_format
from zoo.checkpoints.loading import read_safetensors
from zoo.papers.weights import WeightsError

WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "params_ema", "params")
PREFIXES = r"((module|_orig_mod)\.)+"  # of DataParallel and of torch.compile


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The state dict in a file, unwrapped, without DataParallel's "module."; and {what is in the
    file beside it: why it is no part}.

    A pickle is read with weights_only=True: nothing in it runs. Raises WeightsError for a file
    that is neither, or holds no tensors.
    """
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    content = _content(path)
    dropped: dict[str, str] = {}
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            dropped |= {str(key): "beside the tensors" for key in content if key != wrapper}
            content = content[wrapper]
    state: dict[str, Tensor] = {}
    for given, value in content.items() if isinstance(content, dict) else ():
        key = re.sub(f"^{PREFIXES}", "", str(given))
        if not isinstance(value, Tensor):
            dropped[key] = "no tensor"
        elif key in state:
            raise WeightsError(f"{path} has two tensors that are called {key!r}")
        else:
            state[key] = value
    if not state:
        raise WeightsError(f"{path} holds no tensors by name")
    if hollow := [key for key, value in state.items() if not _stored(value)]:
        raise WeightsError(f"{path}: tensor {hollow[0]!r} is not stored as all of its numbers")
    return state, dropped


def _content(path: Path) -> Any:
    """What is in a file: safetensors, or the shards of an index, or a pickle, by whatever name."""
    with path.open("rb") as file:
        head = file.read(16)
    named = path.name.endswith(
        (".safetensors", download.INDEX)
    ) and not safetensors_format.is_pickle(head)
    if named or safetensors_format.is_safetensors(head):
        return read_safetensors(path)
    try:
        with path.open("rb") as file:  # of a path, torch.load believes its name
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip each have errors of their own
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is not a checkpoint that can be read safely: {first}") from None


def _stored(value: Tensor) -> bool:
    """Whether a tensor is dense, and not a few numbers in a file that say they are terabytes."""
    dense = value.layout is torch.strided and value.device.type == "cpu" and not value.is_quantized
    return dense and value.numel() * value.itemsize <= value.untyped_storage().nbytes()
