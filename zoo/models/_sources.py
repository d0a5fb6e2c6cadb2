"""Networks from what is not listed in a room: a repository on the Hub, a folder, a file.

hf-hub:org/repo[@revision]  local-dir:PATH -> config.json -> name, arguments -> tensors -> network
PATH.safetensors                           -> tensors     -> name, arguments -> network

config.json is timm's (architecture, num_classes, pretrained_cfg), with what the zoo knows in "zoo".
It may name a network of the zoo and set its ends, no more: it is written by anyone.
"""

import inspect
import json
import re
from collections.abc import Container, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.checkpoints import download, loading
from zoo.models._builder import (
    build_entry,
    build_model,
    build_uninitialised,
    key_mappings_of,
    load_class,
)
from zoo.models._registry import (
    ModelEntry,
    UnknownNameError,
    get_entry,
    model_entries,
    parse_name,
    stored_counts,
)
from zoo.papers.weights import Weights, WeightsError

if TYPE_CHECKING:
    from torch import nn

HUB, FOLDER = "hf-hub:", "local-dir:"
CONFIG, FILE = "config.json", "model.safetensors"
FILES = (FILE, FILE + download.INDEX)
PICKLES = (".bin", ".ckpt", ".pkl", ".pt", ".pth", ".tar", ".th")  # never opened here
LARGEST = 1 << 20  # bytes of a config.json
# What a config.json may set, and within what. Anything else is the caller's to ask for.
OVERRIDABLE: dict[str, Container[Any]] = {
    "num_classes": range(1_000_001),
    "in_chans": range(1, 1025),
    "global_pool": ("avg", "max", "avgmax", "catavgmax", ""),
}
PREPROCESSING: dict[str, Any] = {
    **dict.fromkeys(("mean", "std", "input_size", "test_input_size"), (list, tuple)),
    **dict.fromkeys(("crop_pct", "test_crop_pct"), (int, float)),
    **dict.fromkeys(("interpolation", "crop_mode", "license"), str),
}


def is_source(name: str) -> bool:
    """Whether a name says where tensors are, rather than which network."""
    return name.startswith((HUB, FOLDER)) or name.endswith((*FILES, ".safetensors", *PICKLES))


def create_from_source(source: str, pretrained: bool, overrides: Mapping[str, Any]) -> "nn.Module":
    """The network of a source, with its tensors if `pretrained`. Raises WeightsError for one that
    the zoo does not have, or whose files are not what they should be."""
    if source.endswith(PICKLES) and not source.startswith((HUB, FOLDER)):
        raise WeightsError(f"{source}: networks are in safetensors; try `zoo convert {source}`")
    if not source.startswith((HUB, FOLDER)):
        return _create_from_file(Path(source), pretrained, overrides)
    found = open_source(source)
    entry, args = _configured_entry(source, found.config, overrides)
    tensors = _with_preprocessing(found.tensors, found.config)
    if not pretrained:
        return build_entry(entry, tensors, {**args, **overrides})
    resized = "num_classes" in overrides
    model, like = build_uninitialised(entry, tensors, {**args, **overrides}, resized=resized)
    loading.load_pretrained(model, tensors, like=like, resized=resized)
    loading.lock_first_seen(found.first)
    return model.eval()


class OpenedSource(NamedTuple):
    """config.json, what it says, where the tensors are, and what to lock once they fit."""

    file: Weights
    config: dict[str, Any]
    tensors: Weights
    first: list[loading.FirstSeen]


def open_source(source: str) -> OpenedSource:
    """The config.json of "hf-hub:org/repo[@revision]" or "local-dir:PATH". Raises WeightsError."""
    blank = Weights(
        name=source,
        file=CONFIG,
        sha256="",
        origin=source,
        license="unknown",
        relation="architecture only",
        benchmarks=(),
        preprocessing={},
    )
    folder = Path(source.removeprefix(FOLDER)).absolute()
    if source.startswith(FOLDER):
        given = replace(blank, file=str(folder / CONFIG))
    else:
        repo, _, revision = source.removeprefix(HUB).partition("@")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
            raise WeightsError(f"{source}: a repository is called org/name, not {repo!r}")
        given = replace(blank, repo=repo, revision=revision)
    data, commit, first = loading.read_verified(given)
    config = _parsed(source, data)
    file = config.get("zoo", {}).get("file", FILE)
    if file not in FILES:
        raise WeightsError(f"{source}: {CONFIG} names {file!r}; tensors are in {FILE}")
    digest = str(config.get("zoo", {}).get("sha256", ""))
    where = {"file": file, "revision": commit} if given.repo else {"file": str(folder / file)}
    return OpenedSource(given, config, replace(given, sha256=digest, **where), first)


def _parsed(source: str, data: bytes) -> dict[str, Any]:
    try:
        config = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("zoo", {}), dict):
        raise WeightsError(f"{source}: {CONFIG} is no JSON object of at most {LARGEST} bytes")
    if "auto_map" in config:
        raise WeightsError(f"{source}: {CONFIG} asks for code of its own, which is never run")
    return config


def _configured_entry(
    source: str, config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[ModelEntry, dict[str, Any]]:
    """The entry and arguments that a config.json names, less those that the caller gives."""
    own = config.get("zoo", {})
    name = str(own.get("model", config.get("architecture", "")))
    try:
        entry = get_entry(name)
    except UnknownNameError as error:
        raise WeightsError(f"{source}: {error}") from None
    args = {**(own.get("args") or config.get("model_args") or {})}
    if entry.is_classifier and "num_classes" in config:
        args.setdefault("num_classes", config["num_classes"])
    args = {k: v for k, v in args.items() if k not in overrides}
    for key, value in args.items():
        if not _is_allowed_override(entry, key, value):
            raise WeightsError(
                f"{source}: {CONFIG} asks for {key}={value!r} of {name}; "
                "give it to zoo.create yourself if you want that"
            )
    return entry, args


def _is_allowed_override(entry: ModelEntry, key: str, value: Any) -> bool:
    """Whether an argument is one of the ends, or what the network has anyway."""
    if isinstance(value, int | str) and value in OVERRIDABLE.get(key, ()):
        return True
    given = inspect.signature(load_class(entry.target)).parameters.get(key)
    known = entry.args.get(key, getattr(given, "default", inspect.Parameter.empty))
    return json.dumps(known, default=repr) == json.dumps(value)


def _with_preprocessing(tensors: Weights, config: Mapping[str, Any]) -> Weights:
    """The weights with what config.json says of their preprocessing and license."""
    given = config.get("pretrained_cfg") or {}
    if not isinstance(given, dict):
        return tensors
    found = {k: v for k, v in given.items() if isinstance(v, PREPROCESSING.get(k, ()))}
    lists = {k: tuple(v) for k, v in found.items() if isinstance(v, list)}
    license = found.pop("license", "unknown")
    return replace(tensors, preprocessing=found | lists, license=license)


def _create_from_file(path: Path, pretrained: bool, overrides: Mapping[str, Any]) -> "nn.Module":
    """The network whose tensors a file holds, in the zoo's names or in those of a scheme."""
    state = loading.read_safetensors(path)
    name = _identify(state) or ""
    if name:
        return _build_loaded(name, {}, state, path, pretrained, overrides)
    from zoo.models._conversion import detect_model

    fit = detect_model(state, str(path))
    return _build_loaded(fit.model, fit.args, fit.state, path, pretrained, overrides)


def _identify(state: Mapping[str, Any]) -> str | None:
    """The network that has these very names and shapes, with arguments as registered."""
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    counted = sum(v.numel() for k, v in state.items() if not re.search(r"running_|num_batches", k))
    for name, entry in model_entries().items():
        if stored_counts(entry).get("params") != counted:
            continue
        expected = build_model(name, device="meta").state_dict()
        if shapes == {key: tuple(value.shape) for key, value in expected.items()}:
            return name
    return None


def _build_loaded(
    name: str,
    args: Mapping[str, Any],
    state: dict[str, Any],
    path: Path,
    pretrained: bool,
    overrides: Mapping[str, Any],
) -> "nn.Module":
    entry = get_entry(name)
    if not pretrained:
        return build_entry(entry, None, {**args, **overrides})
    resized = "num_classes" in overrides
    model, like = build_uninitialised(entry, None, {**args, **overrides}, resized=resized)
    loading.load_state(model, state, str(path), like=like, resized=resized)
    return model.eval()


def load_file(name: str, path: Path) -> "nn.Module":
    """The network `name` with the tensors of a safetensors file, or an index's shards, in the zoo's
    names or those of a scheme of its room. Raises WeightsError if they do not fit."""
    entry, state = parse_name(name)[0], loading.read_safetensors(path)
    model = build_model(entry.name)
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    for scheme in key_mappings_of(entry) if set(state) != set(expected) else ():
        if scheme.fits(entry.name) and all(
            any(mark in key for key in state) for mark in scheme.marks
        ):
            renamed = scheme.apply(state)
            if {key: tuple(value.shape) for key, value in renamed.items()} == expected:
                state = renamed
    loading.check_keys(str(path), expected, state)
    loading.assign_state(model, state)
    return model.eval()
