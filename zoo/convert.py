"""Published checkpoints -> safetensors under the zoo's names.

pickle (weights_only) -> state dict -> a room's key scheme -> the one architecture that fits

Which architecture a file holds is told by its tensors alone, as spandrel does: every scheme
whose keys it has renames them, and every network of the scheme is compared shape by shape.
"""

import dataclasses
import hashlib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from zoo import registry, weights
from zoo.pretrained import WeightsError
from zoo.schemes import Scheme

WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "params_ema", "params")


@dataclass(frozen=True)
class Converted:
    """What a file turned out to be, and what was written."""

    model: str
    args: Mapping[str, Any]
    scheme: str
    tensors: int
    path: Path
    sha256: str


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, unwrapped, without DataParallel's "module." prefix.

    A pickle is read with weights_only=True: nothing in it runs. Raises WeightsError for a file
    that is neither, or holds no tensors.
    """
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    try:
        if path.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and safetensors each have errors of their own
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is not a checkpoint that can be read safely: {first}") from None
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    state = {
        str(key).removeprefix("module."): value
        for key, value in (content.items() if isinstance(content, dict) else ())
        if isinstance(value, Tensor)
    }
    if not state:
        raise WeightsError(f"{path} holds no tensors by name")
    return state


def schemes() -> Iterator[tuple[str, Scheme]]:
    """(room, scheme) of every room's convert.py."""
    import zoo.families

    for room in pkgutil.iter_modules(zoo.families.__path__):
        try:
            module = importlib.import_module(f"zoo.families.{room.name}.convert")
        except ModuleNotFoundError as error:
            if error.name != f"zoo.families.{room.name}.convert":
                raise
            continue
        for scheme in module.SCHEMES:
            yield room.name, scheme


@dataclass(frozen=True)
class Fit:
    """One way to read a checkpoint: `state` in the zoo's keys against `expected` shapes."""

    model: str
    args: Mapping[str, Any]
    scheme: str
    state: dict[str, Tensor]
    expected: dict[str, tuple[int, ...]]

    @property
    def faults(self) -> int:
        """How many tensors are missing, left over or of another shape."""
        shapes = {key: tuple(value.shape) for key, value in self.state.items()}
        differing = {
            k for k in shapes.keys() & self.expected.keys() if shapes[k] != self.expected[k]
        }
        return len(shapes.keys() ^ self.expected.keys()) + len(differing)


def fits(state: dict[str, Tensor], model: str = "") -> Iterator[Fit]:
    """Every reading of a checkpoint by a scheme that it has the keys of, near its size."""
    layers = sum(value.dim() == 4 for value in state.values())
    for room, scheme in schemes():
        if not all(any(mark in key for key in state) for mark in scheme.marks):
            continue
        renamed = scheme.apply(state)
        for name, entry in registry.variants().items():
            of_room = entry.family.rpartition(".")[2] == room
            if not of_room or not scheme.fits(name):
                continue
            if model not in ("", name) or not (model or _near(entry, layers)):
                continue
            for args in scheme.tries:
                yield _fit(name, {**args, **_ends(entry, renamed)}, scheme, renamed)


def _near(entry: registry.Variant, layers: int) -> bool:
    convolutions = registry.recorded_counts(entry).get("convolutions", layers)
    return abs(convolutions - layers) <= max(4, layers // 4)


def _ends(entry: registry.Variant, state: Mapping[str, Tensor]) -> dict[str, int]:
    """Classes and input channels, from the last layer and the first."""
    if not entry.is_classifier:
        return {}
    first, last = (state.get(f"{entry.cfg[key]}.weight") for key in ("first_conv", "classifier"))
    found = {} if last is None else {"num_classes": last.shape[0]}
    return found if first is None or first.dim() != 4 else found | {"in_chans": first.shape[1]}


def _fit(name: str, args: Mapping[str, Any], scheme: Scheme, state: dict[str, Tensor]) -> Fit:
    network = registry.network(name, device="meta", **args)
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    counters = {k: torch.tensor(0) for k in expected if k.endswith("num_batches_tracked")}
    if not any(key.endswith("num_batches_tracked") for key in state):
        state = state | counters  # saved before torch 0.4.1
    if scheme.constants and not any(key.startswith(scheme.constants) for key in state):
        built = registry.network(name, **args).state_dict()
        state = state | {k: v for k, v in built.items() if k.startswith(scheme.constants)}
    defaults = registry.variant(name).cfg.get("num_classes"), 3
    told = dict(args)
    if (told.get("num_classes"), told.get("in_chans")) == defaults:
        told = {k: v for k, v in told.items() if k not in ("num_classes", "in_chans")}
    return Fit(name, told, scheme.name, state, expected)


def detect(state: dict[str, Tensor], what: str, model: str = "") -> Fit:
    """The one reading of a state dict that fits without a tensor missing or left over.

    Raises WeightsError for none, naming what the nearest architecture lacks; for several, by
    different architectures, naming them.
    """
    if model:
        registry.variant(model)
    best: Fit | None = None
    exact: dict[str, Fit] = {}
    for fit in fits(state, model):
        if not fit.faults:
            exact.setdefault(fit.model, fit)
        if best is None or fit.faults < best.faults:
            best = fit
    if len(exact) == 1:
        return next(iter(exact.values()))
    if exact:
        names = ", ".join(exact)
        raise WeightsError(f"{what} fits {names}, whose tensors are alike; insist on one (--model)")
    if best is None or (not model and best.faults > len(best.expected) // 2):
        raise WeightsError(f"{what} fits no architecture of the zoo ({len(state)} tensors)")
    weights.check_keys(f"{what}, nearest to {best.model}", best.expected, best.state)
    raise AssertionError("a fit with faults passed the check of its keys")


def convert_file(
    path: Path, to: Path | None = None, *, model: str = "", install: bool = False
) -> Converted:
    """Reads a published checkpoint, tells what it is, and writes it as safetensors: to `to`, beside
    it by default, or to `install` it, among the installed weights that it turns out to be.

    Raises WeightsError for a file that is no network of the zoo, or to install no weights of it.
    """
    fit = detect(read_checkpoint(path), str(path), model)
    note = {"model": fit.model, "args": str(dict(fit.args)), "keys of": fit.scheme}
    data = weights.encode(fit.state, note)
    to = _installed(fit.model, data, path) if install else to or path.with_suffix(".safetensors")
    digest = weights.write(data, to)
    return Converted(fit.model, fit.args, fit.scheme, len(fit.state), to, digest)


def _installed(model: str, data: bytes, path: Path) -> Path:
    """Where weights with these bytes are installed."""
    digest = hashlib.sha256(data).hexdigest()
    known = [w for w in registry.weights_of(model) if w.url]
    for found in known:
        if found.sha256 == digest:
            found.path.parent.mkdir(parents=True, exist_ok=True)
            return found.path
    pins = ", ".join(f"{w.name} (sha256 {w.sha256}, from {w.url})" for w in known) or "none"
    raise WeightsError(
        f"{path} becomes {model} with sha256 {digest}; weights to install for it are {pins}"
    )


def as_dict(converted: Converted) -> dict[str, Any]:
    """For JSON."""
    return dataclasses.asdict(converted)
