"""Networks from elsewhere: a repository on the Hub, a folder, a file.

hf-hub:org/repo[@revision]  local-dir:PATH -> config.json -> name, arguments -> tensors -> network
PATH.safetensors -> `model`, its metadata, a config.json beside it, or its shapes -> network

config.json is timm's (architecture, num_classes, pretrained_cfg), plus a "zoo" object. Anyone may
have written it, or the metadata of a file, so they may only name a network of the zoo and set
arguments that are OVERRIDABLE or that a key mapping of its family tries.
"""

import inspect
import json
import re
from collections.abc import Container, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.checkpoints import download, loading
from zoo.checkpoints.reading import candidates, clean_keys
from zoo.checkpoints.writing import read_metadata
from zoo.models._builder import (
    build_entry,
    build_model,
    build_uninitialised,
    key_mappings_of,
    load_class,
)
from zoo.models._preprocessing import stated_preprocessing
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
PICKLES = (".bin", ".ckpt", ".pkl", ".pt", ".pth", ".t7", ".tar", ".th")  # never opened here
MAX_CONFIG_BYTES = 1 << 20
# Arguments and values that a config.json may set. The caller may set any.
OVERRIDABLE: dict[str, Container[Any]] = {
    "num_classes": range(1_000_001),
    "in_chans": range(1, 1025),
    "global_pool": ("avg", "max", "avgmax", "catavgmax", ""),
}


def canonical(name: str) -> str:
    """Return a name with the prefix "hf-hub:" for timm's other spelling, "hf_hub:"."""
    return name.replace("hf_hub:", HUB, 1) if name.startswith("hf_hub:") else name


def is_source(name: str) -> bool:
    """True if a name says where tensors are, rather than which network."""
    return name.startswith((HUB, FOLDER)) or name.endswith((*FILES, ".safetensors", *PICKLES))


def create_from_source(source: str, pretrained: bool, overrides: Mapping[str, Any]) -> "nn.Module":
    """Create the network of a source, with its tensors if `pretrained`.

    Raises:
        WeightsError: The zoo lacks this network, or the files are not what they should be.
    """
    if source.endswith(PICKLES) and not source.startswith((HUB, FOLDER)):
        raise WeightsError(f"{source}: networks are in safetensors; try `zoo convert {source}`")
    if not source.startswith((HUB, FOLDER)):
        return _create_from_file(Path(source), pretrained, overrides)
    opened = open_source(source)
    entry, args = _configured_entry(source, opened.config, overrides)
    tensors = _with_preprocessing(opened.tensors, opened.config)
    if not pretrained:
        return build_entry(entry, tensors, {**args, **overrides})
    resized = "num_classes" in overrides
    model, complete = build_uninitialised(entry, tensors, {**args, **overrides}, resized=resized)
    loading.load_pretrained(model, tensors, like=complete, resized=resized)
    loading.lock([opened.file])
    return model.eval()


class OpenedSource(NamedTuple):
    """A repository or folder whose config.json has been read."""

    file: loading.VerifiedFile  # config.json; to lock once the tensors fit
    config: dict[str, Any]  # its contents
    tensors: Weights  # where the tensors are


def open_source(source: str) -> OpenedSource:
    """Read the config.json of "hf-hub:org/repo[@revision]" or "local-dir:PATH".

    Raises:
        WeightsError: It cannot be read, or is malformed.
    """
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
        location = replace(blank, file=str(folder / CONFIG))
    else:
        repo, _, revision = source.removeprefix(HUB).partition("@")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
            raise WeightsError(f"{source}: a repository is called org/name, not {repo!r}")
        location = replace(blank, repo=repo, revision=revision)
    data, file = loading.fetch_bytes(location, MAX_CONFIG_BYTES)
    config = _parse_config(source, data)
    name = config.get("zoo", {}).get("file", FILE)
    if name not in FILES:
        raise WeightsError(f"{source}: {CONFIG} names {name!r}; tensors are in {FILE}")
    sha256 = str(config.get("zoo", {}).get("sha256", ""))
    place = {"file": name, "revision": file.commit} if file.commit else {"file": str(folder / name)}
    return OpenedSource(file, config, replace(location, sha256=sha256, **place))


def _parse_config(source: str, data: bytes) -> dict[str, Any]:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("zoo", {}), dict):
        raise WeightsError(f"{source}: {CONFIG} is no JSON object")
    if "auto_map" in config:
        raise WeightsError(f"{source}: {CONFIG} asks for code of its own, which is never run")
    return config


def _configured_entry(
    source: str, config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[ModelEntry, dict[str, Any]]:
    """Return the entry and arguments that a config.json names, without those of the caller."""
    own = config.get("zoo", {})
    name = str(own.get("model", config.get("architecture", "")))
    try:
        entry = get_entry(name)
    except UnknownNameError as error:
        raise WeightsError(f"{source}: {error}") from None
    args = own.get("args") or config.get("model_args") or {}
    if not isinstance(args, dict):
        raise WeightsError(f"{source}: the arguments in {CONFIG} are an object, not {args!r:.60}")
    args = dict(args)
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
    """True if an argument is overridable, a default, or what a checkpoint of the family needs."""
    if type(value) in (int, str) and value in OVERRIDABLE.get(key, ()):
        return True
    mappings = (m for m in key_mappings_of(entry) if m.supports(entry.name))
    if any(key in args and args[key] == value for m in mappings for args in m.candidate_args):
        return True
    parameter = inspect.signature(load_class(entry.target)).parameters.get(key)
    expected = entry.args.get(key, getattr(parameter, "default", inspect.Parameter.empty))
    return json.dumps(expected, default=repr) == json.dumps(value)


def _with_preprocessing(tensors: Weights, config: Mapping[str, Any]) -> Weights:
    """Return the weights with the preprocessing and license of a config.json."""
    cfg = config.get("pretrained_cfg") or {}
    if not isinstance(cfg, dict):
        return tensors
    license = cfg.get("license")
    return replace(
        tensors,
        preprocessing=stated_preprocessing(tensors.name, cfg),
        license=license if isinstance(license, str) else "unknown",
    )


def _create_from_file(path: Path, pretrained: bool, overrides: Mapping[str, Any]) -> "nn.Module":
    """Create the network that `model`, the file or its config names, or the only one that fits."""
    from zoo.models._conversion import detect_model

    overrides = dict(overrides)
    model = str(overrides.pop("model", ""))
    state, _ = clean_keys(str(path), loading.read_safetensors(path))
    name, args = _stated_network(path, overrides)
    if model and name and model != name:
        raise WeightsError(f"{path} is of {name}, as it says itself, not of {model}")
    names = [model or name] if model or name else []
    for candidate in () if names else candidates(state):
        if names := _models_that_fit(candidate):
            state = candidate
            break
    if len(names) > 1:
        raise WeightsError(
            f"{path} fits {', '.join(names)}, whose tensors have the same shapes, and does not say "
            "which it is: name it by model="
        )
    if names and _fits(names[0], {**args, **overrides}, state):
        return _build_loaded(names[0], args, state, path, pretrained, overrides)
    match = detect_model(state, str(path), names[0] if names else "")
    return _build_loaded(match.model, match.args, match.state, path, pretrained, overrides)


def _stated_network(path: Path, overrides: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return name and arguments by the metadata, or the config.json beside the file; else none."""
    metadata = {} if path.name.endswith(download.INDEX) else read_metadata(path)
    if "model" in metadata:
        config: dict[str, Any] = {"zoo": metadata}
    else:
        beside = path.with_name(CONFIG)
        if not beside.is_file():
            return "", {}
        config = _parse_config(
            str(beside), download.read_small(str(beside), beside, MAX_CONFIG_BYTES)
        )
        if path.name not in (*FILES, config.get("zoo", {}).get("file")):
            return "", {}
    entry, args = _configured_entry(str(path), config, overrides)
    return entry.name, args


def _models_that_fit(state: Mapping[str, Any]) -> list[str]:
    """Return every registered network with these keys and shapes, identical entries once."""
    params = sum(v.numel() for k, v in state.items() if not re.search(r"running_|num_batches", k))
    names: dict[str, str] = {}
    for name, entry in model_entries().items():
        if stored_counts(entry).get("params") == params and _fits(name, {}, state):
            names.setdefault(repr((entry.target, sorted(entry.args.items()))), name)
    return list(names.values())


def _fits(name: str, args: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    """True if a network has exactly these keys, with these shapes unless `args` resize it."""
    expected = build_model(name, device="meta", **args).state_dict()
    if "num_classes" in args or "in_chans" in args:
        return expected.keys() == state.keys()
    return loading.tensor_shapes(expected) == loading.tensor_shapes(state)


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
    model, complete = build_uninitialised(entry, None, {**args, **overrides}, resized=resized)
    loading.load_state(model, state, str(path), like=complete, resized=resized)
    return model.eval()


def load_file(name: str, path: Path, **overrides: Any) -> "nn.Module":
    """Load a safetensors file, or the shards of an index, into the network `name`.

    Keys are the zoo's, or those of a key mapping of its family. `overrides` are arguments of the
    network, which the file may also name.

    Raises:
        WeightsError: The tensors do not fit.
    """
    entry = parse_name(name)[0]
    state, _ = clean_keys(str(path), loading.read_safetensors(path))
    stated, args = _stated_network(path, overrides)
    if stated not in ("", entry.name):
        raise WeightsError(f"{path} is of {stated}, as it says itself, not of {entry.name}")
    model = build_model(entry.name, **{**args, **overrides})
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    for mapping in key_mappings_of(entry) if set(state) != set(expected) else ():
        if mapping.supports(entry.name) and mapping.has_required_keys(state):
            renamed = mapping.to_zoo(state)
            if {key: tuple(value.shape) for key, value in renamed.items()} == expected:
                state = renamed
    loading.check_keys(str(path), expected, state)
    loading.assign_state(model, state)
    return model.eval()
