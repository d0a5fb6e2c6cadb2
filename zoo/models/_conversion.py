"""Published checkpoints -> safetensors under the zoo's keys.

pickle (weights_only) -> state dict -> a family's key mapping -> the one architecture that fits

The architecture is detected from the tensors alone, as spandrel does: every key mapping whose
required keys are there renames them, and every network of the mapping is compared shape by shape.
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

from zoo._io import atomic_write
from zoo.checkpoints import safetensors_format
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.checkpoints.loading import check_keys, tensor_shapes
from zoo.checkpoints.reading import candidates, read_checkpoint
from zoo.checkpoints.writing import encode_safetensors
from zoo.models._builder import build_entry, build_model
from zoo.models._registry import ModelEntry, get_entry, model_entries, stored_counts
from zoo.papers.weights import Weights, WeightsError

ZOO_KEYS = KeyMapping(name="the zoo", models=("*",))


@dataclass(frozen=True)
class ConversionReport:
    """The outcome of a conversion."""

    model: str  # the architecture
    args: Mapping[str, Any]  # its keyword arguments, where they differ from the registered ones
    keys: str  # name of the key mapping that the source is published under
    tensors: int  # number of tensors written
    path: Path  # file written
    sha256: str  # of that file
    renamed: Mapping[str, str]  # {old key: new key}
    dropped: Mapping[str, str]  # {key: reason}
    added: Mapping[str, str]  # {key: reason}
    notes: tuple[str, ...] = ()  # differences that the tensors do not show


def all_key_mappings() -> Iterator[tuple[str, KeyMapping]]:
    """Yield (name of the family, key mapping) for every family's convert.py."""
    import zoo.models

    for family in pkgutil.iter_modules(zoo.models.__path__):
        try:
            module = importlib.import_module(f"zoo.models.{family.name}.convert")
        except ModuleNotFoundError as error:
            if error.name != f"zoo.models.{family.name}.convert":
                raise
            continue
        for mapping in module.KEY_MAPPINGS:
            yield family.name, mapping


@dataclass(frozen=True)
class Match:
    """A checkpoint read as one architecture."""

    model: str  # the architecture
    args: Mapping[str, Any]  # its keyword arguments
    keys: KeyMapping
    source_keys: tuple[str, ...]  # the checkpoint's, as the key mapping takes them
    state: dict[str, Tensor]  # under the zoo's keys
    expected: dict[str, tuple[int, ...]]  # {key: shape} of the network
    added: Mapping[str, str]  # {key: reason}

    @property
    def mismatches(self) -> int:
        """Number of tensors that are missing, superfluous or of another shape."""
        shapes = {key: tuple(value.shape) for key, value in self.state.items()}
        return len({key for key, _ in shapes.items() ^ self.expected.items()})


def matches(
    state: dict[str, Tensor],
    model: str = "",
    weights: Weights | None = None,
    *,
    refused: list[str],
) -> Iterator[Match]:
    """Yield a match for every key mapping and architecture of about the checkpoint's size.

    Published `weights` say which arguments, and may say which mapping. Reasons why a mapping
    cannot rename the keys are appended to `refused`.
    """
    layers = sum(value.dim() == 4 for value in state.values())
    for family, mapping in all_key_mappings():
        if not mapping.has_required_keys(state):
            continue
        if weights and weights.key_mapping not in ("", mapping.name):
            continue
        try:
            renamed = mapping.to_zoo(state)
        except WeightsError as error:
            refused.append(f"{mapping.name}: {error}")
            continue
        for name, entry in model_entries().items():
            if entry.family.rpartition(".")[2] != family or not mapping.supports(name):
                continue
            if name != model if model else not _is_near(entry, layers):
                continue
            for candidate_args in (weights.args,) if weights else mapping.candidate_args:
                args = {**candidate_args, **_boundary_args(entry, renamed)}
                yield _match(name, args, mapping, tuple(state), renamed)


def _is_near(entry: ModelEntry, layers: int) -> bool:
    convolutions = stored_counts(entry).get("convolutions", layers)
    return abs(convolutions - layers) <= max(4, layers // 4)


def _boundary_args(entry: ModelEntry, state: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the numbers of classes and input channels of the last layer and the first."""
    if not entry.is_classifier:
        return {}
    first, last = (state.get(f"{entry.cfg[key]}.weight") for key in ("first_conv", "classifier"))
    args = {} if last is None else {"num_classes": last.shape[0]}
    return args if first is None or first.dim() != 4 else args | {"in_chans": first.shape[1]}


def _match(
    name: str,
    args: Mapping[str, Any],
    mapping: KeyMapping,
    source_keys: tuple[str, ...],
    state: dict[str, Tensor],
) -> Match:
    network = build_model(name, device="meta", **args)
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    added: dict[str, str] = {}
    if not any(key.endswith("num_batches_tracked") for key in state):
        counters = {k: torch.tensor(0) for k in expected if k.endswith("num_batches_tracked")}
        added |= dict.fromkeys(counters, "a counter of batches, which torch 0.4.0 did not save")
        state = state | counters
    if mapping.constants and not any(map(mapping.is_constant, state)):
        built = build_model(name, **args).state_dict()
        constants = {k: v for k, v in built.items() if mapping.is_constant(k)}
        added |= dict.fromkeys(constants, "a constant of the network")
        state = state | constants
    defaults = {"num_classes": get_entry(name).cfg.get("num_classes"), "in_chans": 3}
    if all(args.get(key) == value for key, value in defaults.items()):
        args = {key: value for key, value in args.items() if key not in defaults}
    return Match(name, args, mapping, source_keys, state, expected, added)


def detect_model(
    state: dict[str, Tensor], source: str, model: str = "", weights: Weights | None = None
) -> Match:
    """Return the one match without a missing or superfluous tensor.

    Args:
        state: The checkpoint.
        source: Its name, for messages.
        model: The architecture, if it is known.
        weights: What is known beside it: the arguments, and perhaps the key mapping.

    Raises:
        WeightsError: No architecture fits, and the message says what the nearest one lacks; or
            several do, and the message names them.
    """
    if model:
        get_entry(model)
    best: Match | None = None
    exact: dict[str, Match] = {}
    refused: list[str] = []
    for candidate in candidates(state):
        for match in matches(candidate, model, weights, refused=refused):
            if not match.mismatches:
                exact.setdefault(match.model, match)
            if best is None or match.mismatches < best.mismatches:
                best = match
        if exact:
            break
    if len(exact) == 1:
        return next(iter(exact.values()))
    if exact:
        names = ", ".join(exact)
        raise WeightsError(
            f"{source} fits {names}, whose tensors are alike; insist on one (--model)"
        )
    if best is None or (not model and best.mismatches > len(best.expected) // 2):
        reason = "; ".join(refused) or f"{len(state)} tensors"
        network = f"is not of {model}" if model else "fits no architecture of the zoo"
        raise WeightsError(f"{source} {network} ({reason})")
    check_keys(f"{source}, nearest to {best.model}", best.expected, best.state)
    raise AssertionError("a match with mismatches passed the check of its keys")


def convert_file(
    path: Path,
    to: Path | None = None,
    *,
    model: str = "",
    keys: str = "",
    ema: bool | None = None,
    member: str = "",
) -> ConversionReport:
    """Convert a published checkpoint to safetensors.

    Args:
        path: The checkpoint; a pickle is read with weights_only.
        to: File to write; beside `path` by default.
        model: The architecture, if several fit.
        keys: Name, or part of the name, of the key mapping to write in; the zoo's keys by default.
        ema: Take the averaged weights, or not; see read_checkpoint.
        member: Name of one of several networks in the file.

    Raises:
        WeightsError: No network of the zoo fits.
    """
    state, dropped = read_checkpoint(path, ema=ema, member=member)
    match = detect_model(state, str(path), model)
    safetensors_format.check_finite(str(path), match.state)
    target = _find_key_mapping(keys, match.model) if keys else ZOO_KEYS
    read, written = match.keys.plan_to_zoo(match.source_keys), target.plan_from_zoo(match.state)
    tensors = target.from_zoo(match.state)
    data = _encode_for_others(tensors) if keys else _encode(match)
    to = to or _path_beside(path)
    atomic_write(to, data)
    renamed = {old: written.renamed.get(new, new) for old, new in read.renamed.items()}
    return ConversionReport(
        model=match.model,
        args=match.args,
        keys=match.keys.name,
        tensors=len(tensors),
        path=to,
        sha256=hashlib.sha256(data).hexdigest(),
        renamed={old: new for old, new in renamed.items() if old != new},
        dropped={**dropped, **read.dropped, **written.dropped},
        added={**match.added, **written.added},
        notes=tuple(filter(None, dict.fromkeys((match.keys.caveat, target.caveat)))),
    )


def _find_key_mapping(keys: str, model: str) -> KeyMapping:
    """Return the one key mapping of a model with this name, or with it in its name."""
    family = get_entry(model).family.rpartition(".")[2]
    mappings = {m.name: m for of, m in all_key_mappings() if of == family and m.supports(model)}
    names = [keys] if keys in mappings else [n for n in mappings if keys.lower() in n.lower()]
    if len(names) == 1:
        return mappings[names[0]]
    raise WeightsError(f"{model} comes in the keys of {'; '.join(mappings)}: which is {keys!r}?")


def convert_published(path: Path, weights: Weights) -> bytes:
    """Return a published checkpoint as the bytes of a safetensors file, in the zoo's keys.

    Raises:
        WeightsError: It is not of the network that the weights are said to be of.
    """
    member = "" if weights.url.endswith(".zip") else weights.member  # else it has been unpacked
    state, _ = read_checkpoint(path, member=member)
    match = detect_model(state, weights.url, weights.model, weights)
    safetensors_format.check_finite(weights.url, match.state)
    network = build_entry(get_entry(weights.model), weights, {}, device="meta")
    check_keys(weights.url, tensor_shapes(network.state_dict()), match.state)
    return _encode(match)


def _encode(match: Match) -> bytes:
    metadata = {"model": match.model, "args": str(dict(match.args)), "keys of": match.keys.name}
    return encode_safetensors(ZOO_KEYS.from_zoo(match.state), metadata)


def _encode_for_others(state: dict[str, Tensor]) -> bytes:
    """Encode for transformers, which reads no file whose metadata has no format."""
    return safetensors.torch.save({k: v.contiguous() for k, v in state.items()}, {"format": "pt"})


def _path_beside(path: Path) -> Path:
    to = path.with_suffix(".safetensors")
    if to == path:
        raise WeightsError(f"{path} would be overwritten; say where to write instead (--to)")
    return to


def report_to_dict(report: ConversionReport) -> dict[str, Any]:
    """Return a report as JSON values."""
    return dataclasses.asdict(report) | {"path": str(report.path)}
