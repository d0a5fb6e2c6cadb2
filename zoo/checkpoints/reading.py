"""Published checkpoints of any format -> state dict; pickles with weights_only=True."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints.download import INDEX
from zoo.checkpoints.loading import read_safetensors
from zoo.checkpoints.matconvnet import HEAD, read_matconvnet
from zoo.checkpoints.safetensors_format import is_pickle, is_safetensors
from zoo.checkpoints.torch7 import HEADS, read_torch7
from zoo.papers.weights import WeightsError

WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "params")
EMA_WRAPPERS = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "params_ema")
DEFAULT_WRAPPERS = (*WRAPPERS[:-1], "params_ema", "params")  # BasicSR publishes its averages
DATA_PARALLEL = r"^(module\.)+"
COMPILED = r"(^|(?<=\.))(_orig_mod\.)+"  # of torch.compile, which may wrap a part of a network
ROOTS = ("model.", "net.", "module.")  # attributes that training loops keep a network in
COUNTERS = {
    "total_ops": "a count of thop",
    "total_params": "a count of thop",
    "n_averaged": "a count of torch's AveragedModel",
}
NUMPY = tuple(f"numpy.{core}.multiarray" for core in ("core", "_core"))
# Types that training loops save beside the weights; a Placeholder stands for each.
HARMLESS = (
    *(f"{module}.{name}" for module in NUMPY for name in ("scalar", "_reconstruct")),
    *("numpy.ndarray", "numpy.dtype", "_codecs.encode", "argparse.Namespace"),
    *(f"pathlib.{kind}Path" for kind in ("Posix", "Windows", "PurePosix", "PureWindows")),
)


class Placeholder:
    """A value beside the weights: nothing of it is built, so nothing in it can do harm."""

    def __new__(cls, *args: Any) -> "Placeholder":
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass


def read_checkpoint(
    path: Path, *, ema: bool | None = None, member: str = ""
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a checkpoint that a person asked for.

    A pickle is read with weights_only=True: nothing in it runs.

    Args:
        path: The file.
        ema: Take the averaged weights if True, the others if False; None for those that the
            format is published for.
        member: Name of one of several networks in the file.

    Returns:
        The state dict, without wrappers and the prefixes of DataParallel and torch.compile, and
        {key: reason} of what else is in the file.

    Raises:
        WeightsError: Neither safetensors nor a safe pickle, or no named tensors.
    """
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    content, dropped = _unwrap(path, _pick(path, _read(path), member), ema)
    state, others = clean_keys(str(path), content if isinstance(content, dict) else {})
    if not state and (names := _networks(content)):
        raise WeightsError(f"{path} holds several networks, {names}: say which by --member")
    if not state:
        raise WeightsError(f"{path} holds no tensors by name")
    return state, dropped | others


def _networks(content: Any) -> str:
    """Return the names of the state dicts in a checkpoint, as text."""
    parts = content.items() if isinstance(content, dict) else ()
    return ", ".join(_printable(name) for name, part in parts if isinstance(part, dict))


def _pick(path: Path, content: Any, member: str) -> Any:
    """Return the network of a name, or all content without a name."""
    if not member:
        return content
    if not isinstance(content, dict) or not isinstance(content.get(member), dict):
        raise WeightsError(f"{path} has no network {member!r}, but {_networks(content) or 'none'}")
    return content[member]


def _unwrap(path: Path, content: Any, ema: bool | None) -> tuple[Any, dict[str, str]]:
    """Return the content of the wrappers, and {key: reason} of what is beside it."""
    wrappers = {None: DEFAULT_WRAPPERS, False: WRAPPERS, True: (*EMA_WRAPPERS, *WRAPPERS)}[ema]
    dropped: dict[str, str] = {}
    averaged = False
    for wrapper in wrappers:
        if not isinstance(content, dict) or not isinstance(content.get(wrapper), dict):
            continue
        averaged = averaged or wrapper in EMA_WRAPPERS
        for key in (key for key in content if key != wrapper):
            weights = key in (*EMA_WRAPPERS, *WRAPPERS) and isinstance(content[key], dict)
            switch = "--no-ema" if wrapper in EMA_WRAPPERS else "--ema"
            other = f"weights that were not taken, but {wrapper} (see {switch})"
            dropped[_printable(key)] = other if weights else "beside the tensors"
        content = content[wrapper]
    if ema and not averaged:
        raise WeightsError(f"{path} has no averaged weights ({', '.join(EMA_WRAPPERS)})")
    return content, dropped


def clean_keys(source: str, content: Mapping[Any, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Remove the prefixes of DataParallel and torch.compile, and what is no weight.

    Returns:
        The state dict, and {key: reason} of the rest.

    Raises:
        WeightsError: Two tensors get one name, or a tensor is not stored whole.
    """
    state: dict[str, Tensor] = {}
    dropped: dict[str, str] = {}
    for name, value in content.items():
        key = re.sub(DATA_PARALLEL, "", re.sub(COMPILED, "", _printable(name)))
        reason = COUNTERS.get(key.rpartition(".")[2])
        if not isinstance(value, Tensor) or reason:
            dropped[key] = reason or "no tensor"
        elif key in state:
            raise WeightsError(f"{source} has two tensors that are called {key!r}")
        elif not _is_stored(value):
            raise WeightsError(f"{source}: tensor {key!r} is not stored as all of its numbers")
        else:
            state[key] = value
    return state, dropped


def candidates(state: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Yield a state dict, then without each prefix that all keys share, such as "model."."""
    yield state
    while root := next((r for r in ROOTS if state and all(k.startswith(r) for k in state)), None):
        state = {key.removeprefix(root): value for key, value in state.items()}
        yield state


def _read(path: Path) -> Any:
    """Read a file by its bytes; the name decides only where they do not."""
    with path.open("rb") as file:
        head = file.read(16)
    named = path.name.endswith((".safetensors", INDEX)) and not is_pickle(head)
    if named or is_safetensors(head):
        return read_safetensors(path)
    if head.startswith(HEAD):
        return read_matconvnet(path)
    if head.startswith(HEADS):
        return read_torch7(path)
    try:
        # Given a path, torch.load goes by its suffix.
        with path.open("rb") as file, torch.serialization.safe_globals(_placeholders()):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip each have errors of their own
        cause = _describe(error, head)
        raise WeightsError(f"{path} is no checkpoint that can be read safely: {cause}") from None


def _placeholders() -> list[Any]:
    """Return what torch.load may build, as (type, name that a pickle calls it)."""
    import numpy as np

    dtypes = [f"numpy.dtypes.{name}" for name in dir(np.dtypes) if name.endswith("DType")]
    return [(Placeholder, name) for name in (*HARMLESS, *dtypes)]


def _describe(error: Exception, head: bytes) -> str:
    """Say what is wrong with a file, without torch's advice to trust it."""
    if match := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return f"it has a {match[1]}, which could run code"
    if "TorchScript" in str(error):
        return "it is a TorchScript archive, which is code"
    if is_pickle(head):
        return f"it is damaged, or not of torch.save ({type(error).__name__})"
    return "it is neither safetensors nor a file of torch.save"


def _printable(name: Any) -> str:
    text = str(name)
    return text if text.isprintable() else ascii(text)


def _is_stored(value: Tensor) -> bool:
    """True for a dense tensor with all of its elements in memory, not a few expanded to many."""
    dense = value.layout is torch.strided and value.device.type == "cpu" and not value.is_quantized
    return dense and value.numel() * value.itemsize <= value.untyped_storage().nbytes()
