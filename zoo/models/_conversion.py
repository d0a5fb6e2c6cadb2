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

from zoo.checkpoints import safetensors_format
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.checkpoints.loading import check_keys
from zoo.checkpoints.reading import read_checkpoint
from zoo.checkpoints.writing import encode_safetensors, write_checkpoint
from zoo.models._builder import build_model
from zoo.models._registry import ModelEntry, get_entry, list_weights, model_entries, stored_counts
from zoo.papers.weights import WeightsError

ZOO_KEYS = KeyMapping(name="the zoo", models=("*",))


@dataclass(frozen=True)
class ConversionReport:
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


def all_key_mappings() -> Iterator[tuple[str, KeyMapping]]:
    """(room, scheme) of every room's convert.py."""
    import zoo.models

    for room in pkgutil.iter_modules(zoo.models.__path__):
        try:
            module = importlib.import_module(f"zoo.models.{room.name}.convert")
        except ModuleNotFoundError as error:
            if error.name != f"zoo.models.{room.name}.convert":
                raise
            continue
        for scheme in module.KEY_MAPPINGS:
            yield room.name, scheme


@dataclass(frozen=True)
class Match:
    """One way to read a checkpoint: `state` in the zoo's keys against `expected` shapes."""

    model: str
    args: Mapping[str, Any]
    keys: KeyMapping
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


def matches(state: dict[str, Tensor], model: str = "", *, refused: list[str]) -> Iterator[Match]:
    """Every reading of a checkpoint by a scheme that it has the keys of, near its size; why a
    scheme cannot rename it goes into `refused`."""
    layers = sum(value.dim() == 4 for value in state.values())
    for room, scheme in all_key_mappings():
        if not all(any(mark in key for key in state) for mark in scheme.marks):
            continue
        try:
            renamed = scheme.apply(state)
        except WeightsError as error:
            refused.append(f"{scheme.name}: {error}")
            continue
        for name, entry in model_entries().items():
            of_room = entry.family.rpartition(".")[2] == room
            if not of_room or not scheme.fits(name):
                continue
            if model not in ("", name) or not (model or _is_near(entry, layers)):
                continue
            for args in scheme.tries:
                yield _match(name, {**args, **_boundary_args(entry, renamed)}, scheme, renamed)


def _is_near(entry: ModelEntry, layers: int) -> bool:
    convolutions = stored_counts(entry).get("convolutions", layers)
    return abs(convolutions - layers) <= max(4, layers // 4)


def _boundary_args(entry: ModelEntry, state: Mapping[str, Tensor]) -> dict[str, int]:
    """Classes and input channels, from the last layer and the first."""
    if not entry.is_classifier:
        return {}
    first, last = (state.get(f"{entry.cfg[key]}.weight") for key in ("first_conv", "classifier"))
    found = {} if last is None else {"num_classes": last.shape[0]}
    return found if first is None or first.dim() != 4 else found | {"in_chans": first.shape[1]}


def _match(
    name: str, args: Mapping[str, Any], scheme: KeyMapping, state: dict[str, Tensor]
) -> Match:
    network = build_model(name, device="meta", **args)
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    added: dict[str, str] = {}
    if not any(key.endswith("num_batches_tracked") for key in state):
        counters = {k: torch.tensor(0) for k in expected if k.endswith("num_batches_tracked")}
        added |= dict.fromkeys(counters, "a counter of batches, which torch 0.4.0 did not save")
        state = state | counters
    if scheme.constants and not any(map(scheme.has_constant, state)):
        built = build_model(name, **args).state_dict()
        constants = {k: v for k, v in built.items() if scheme.has_constant(k)}
        added |= dict.fromkeys(constants, "a constant of the network")
        state = state | constants
    defaults = get_entry(name).cfg.get("num_classes"), 3
    told = dict(args)
    if (told.get("num_classes"), told.get("in_chans")) == defaults:
        told = {k: v for k, v in told.items() if k not in ("num_classes", "in_chans")}
    return Match(name, told, scheme, state, expected, added)


def detect_model(state: dict[str, Tensor], what: str, model: str = "") -> Match:
    """The one reading of a state dict that fits without a tensor missing or left over.

    Raises WeightsError for none, naming what the nearest architecture lacks; for several, by
    different architectures, naming them.
    """
    if model:
        get_entry(model)
    best: Match | None = None
    exact: dict[str, Match] = {}
    refused: list[str] = []
    for fit in matches(state, model, refused=refused):
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
    check_keys(f"{what}, nearest to {best.model}", best.expected, best.state)
    raise AssertionError("a fit with faults passed the check of its keys")


def convert_file(
    path: Path, to: Path | None = None, *, model: str = "", install: bool = False, keys: str = ""
) -> ConversionReport:
    """Reads a published checkpoint, tells what it is, and writes it as safetensors: to `to`, beside
    it by default, or to `install` it, among the installed weights that it turns out to be. Written
    in the zoo's names, or in those of the scheme `keys`.

    Raises WeightsError for a file that is no network of the zoo, or to install no weights of it.
    """
    state, dropped = read_checkpoint(path)
    fit = detect_model(state, str(path), model)
    safetensors_format.check_finite(str(path), fit.state)
    read, target = fit.keys.renaming(state), _named(keys, fit.model) if keys else ZOO_KEYS
    written, found = target.unnaming(fit.state), target.undo(fit.state)
    note = {"model": fit.model, "args": str(dict(fit.args)), "keys of": fit.scheme}
    data = _encode_for_others(found) if keys else encode_safetensors(found, note)
    to = _installed(fit.model, data, path) if install else to or _beside(path)
    renamed = {old: written.renamed.get(new, new) for old, new in read.renamed.items()}
    return ConversionReport(
        model=fit.model,
        args=fit.args,
        scheme=fit.scheme,
        tensors=len(found),
        path=to,
        sha256=write_checkpoint(data, to),
        renamed={old: new for old, new in renamed.items() if old != new},
        dropped={**dropped, **read.dropped, **written.dropped},
        added={**fit.added, **written.added},
        notes=tuple(filter(None, dict.fromkeys((fit.keys.note, target.note)))),
    )


def _named(keys: str, model: str) -> KeyMapping:
    """The one scheme of a network that is called `keys`, or has it in its name."""
    room = get_entry(model).family.rpartition(".")[2]
    known = {s.name: s for of, s in all_key_mappings() if of == room and s.fits(model)}
    found = [name for name in known if keys.lower() in name.lower()]
    if keys in known or len(found) == 1:
        return known[keys if keys in known else found[0]]
    raise WeightsError(f"{model} comes in the keys of {'; '.join(known)}: which is {keys!r}?")


def _encode_for_others(state: dict[str, Tensor]) -> bytes:
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
    known = [w for w in list_weights(model) if w.url]
    for found in known:
        if found.sha256 == digest:
            found.path.parent.mkdir(parents=True, exist_ok=True)
            return found.path
    pins = ", ".join(f"{w.name} (sha256 {w.sha256}, from {w.url})" for w in known) or "none"
    raise WeightsError(
        f"{path} becomes {model} with sha256 {digest}; weights to install for it are {pins}"
    )


def report_to_dict(converted: ConversionReport) -> dict[str, Any]:
    """For JSON."""
    return dataclasses.asdict(converted) | {"path": str(converted.path)}
