"""Published checkpoints -> safetensors under the zoo's names.

pickle (weights_only) -> state dict -> a room's key scheme -> the one architecture that fits

Which architecture a file holds is told by its tensors alone, as spandrel does: every scheme
whose keys it has renames them, and every network of the scheme is compared shape by shape.
"""

import dataclasses
import hashlib
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from zoo import hub, registry, tensors, weights
from zoo.pretrained import WeightsError
from zoo.schemes import Scheme

WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "params_ema", "params")
OURS = Scheme(name="the zoo", models=("*",))
PREFIXES = r"((module|_orig_mod)\.)+"  # of DataParallel and of torch.compile


@dataclass(frozen=True)
class Converted:
    """What a file turned out to be, what was written, and what became of its keys: `renamed`
    {old: new}, `dropped` and `added` {key: why}."""

    model: str
    args: Mapping[str, Any]
    scheme: str
    tensors: int
    path: Path
    sha256: str
    renamed: Mapping[str, str]
    dropped: Mapping[str, str]
    added: Mapping[str, str]
    notes: tuple[str, ...] = ()


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
    named = path.name.endswith((".safetensors", hub.INDEX)) and not tensors.is_pickle(head)
    if named or tensors.is_safetensors(head):
        return weights.tensors(path)
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
    keys: Scheme
    state: dict[str, Tensor]
    expected: dict[str, tuple[int, ...]]
    added: Mapping[str, str]

    @property
    def scheme(self) -> str:
        """The name of the scheme."""
        return self.keys.name

    @property
    def faults(self) -> int:
        """How many tensors are missing, left over or of another shape."""
        shapes = {key: tuple(value.shape) for key, value in self.state.items()}
        differing = {
            k for k in shapes.keys() & self.expected.keys() if shapes[k] != self.expected[k]
        }
        return len(shapes.keys() ^ self.expected.keys()) + len(differing)


def fits(state: dict[str, Tensor], model: str = "", *, refused: list[str]) -> Iterator[Fit]:
    """Every reading of a checkpoint by a scheme that it has the keys of, near its size; why a
    scheme cannot rename it goes into `refused`."""
    layers = sum(value.dim() == 4 for value in state.values())
    for room, scheme in schemes():
        if not all(any(mark in key for key in state) for mark in scheme.marks):
            continue
        try:
            renamed = scheme.apply(state)
        except WeightsError as error:
            refused.append(f"{scheme.name}: {error}")
            continue
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
    added: dict[str, str] = {}
    if not any(key.endswith("num_batches_tracked") for key in state):
        counters = {k: torch.tensor(0) for k in expected if k.endswith("num_batches_tracked")}
        added |= dict.fromkeys(counters, "a counter of batches, which torch 0.4.0 did not save")
        state = state | counters
    if scheme.constants and not any(map(scheme.has_constant, state)):
        built = registry.network(name, **args).state_dict()
        constants = {k: v for k, v in built.items() if scheme.has_constant(k)}
        added |= dict.fromkeys(constants, "a constant of the network")
        state = state | constants
    defaults = registry.variant(name).cfg.get("num_classes"), 3
    told = dict(args)
    if (told.get("num_classes"), told.get("in_chans")) == defaults:
        told = {k: v for k, v in told.items() if k not in ("num_classes", "in_chans")}
    return Fit(name, told, scheme, state, expected, added)


def detect(state: dict[str, Tensor], what: str, model: str = "") -> Fit:
    """The one reading of a state dict that fits without a tensor missing or left over.

    Raises WeightsError for none, naming what the nearest architecture lacks; for several, by
    different architectures, naming them.
    """
    if model:
        registry.variant(model)
    best: Fit | None = None
    exact: dict[str, Fit] = {}
    refused: list[str] = []
    for fit in fits(state, model, refused=refused):
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
        why = "; ".join(refused) or f"{len(state)} tensors"
        raise WeightsError(f"{what} fits no architecture of the zoo ({why})")
    weights.check_keys(f"{what}, nearest to {best.model}", best.expected, best.state)
    raise AssertionError("a fit with faults passed the check of its keys")


def convert_file(
    path: Path, to: Path | None = None, *, model: str = "", install: bool = False, keys: str = ""
) -> Converted:
    """Reads a published checkpoint, tells what it is, and writes it as safetensors: to `to`, beside
    it by default, or to `install` it, among the installed weights that it turns out to be. Written
    in the zoo's names, or in those of the scheme `keys`.

    Raises WeightsError for a file that is no network of the zoo, or to install no weights of it.
    """
    state, dropped = read_checkpoint(path)
    fit = detect(state, str(path), model)
    tensors.check_finite(str(path), fit.state)
    read, target = fit.keys.renaming(state), _named(keys, fit.model) if keys else OURS
    written, found = target.unnaming(fit.state), target.undo(fit.state)
    note = {"model": fit.model, "args": str(dict(fit.args)), "keys of": fit.scheme}
    data = _foreign(found) if keys else weights.encode(found, note)
    to = _installed(fit.model, data, path) if install else to or _beside(path)
    renamed = {old: written.renamed.get(new, new) for old, new in read.renamed.items()}
    return Converted(
        model=fit.model,
        args=fit.args,
        scheme=fit.scheme,
        tensors=len(found),
        path=to,
        sha256=weights.write(data, to),
        renamed={old: new for old, new in renamed.items() if old != new},
        dropped={**dropped, **read.dropped, **written.dropped},
        added={**fit.added, **written.added},
        notes=tuple(filter(None, dict.fromkeys((fit.keys.note, target.note)))),
    )


def _named(keys: str, model: str) -> Scheme:
    """The one scheme of a network that is called `keys`, or has it in its name."""
    room = registry.variant(model).family.rpartition(".")[2]
    known = {s.name: s for of, s in schemes() if of == room and s.fits(model)}
    found = [name for name in known if keys.lower() in name.lower()]
    if keys in known or len(found) == 1:
        return known[keys if keys in known else found[0]]
    raise WeightsError(f"{model} comes in the keys of {'; '.join(known)}: which is {keys!r}?")


def _foreign(state: dict[str, Tensor]) -> bytes:
    """Safetensors for others: transformers reads none whose metadata has no format."""
    return safetensors.torch.save({k: v.contiguous() for k, v in state.items()}, {"format": "pt"})


def _beside(path: Path) -> Path:
    """FILE.safetensors, if that is another file."""
    to = path.with_suffix(".safetensors")
    if to == path:
        raise WeightsError(f"{path} would be overwritten; say where to write instead (--to)")
    return to


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
    return dataclasses.asdict(converted) | {"path": str(converted.path)}
