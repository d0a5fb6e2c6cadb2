"""Networks to evaluate: weights of the zoo, a file, a repository on the Hub, timm's.

"arch.tag"  FILE.safetensors  hf-hub:org/repo  local-dir:DIR  timm:NAME -> module, sha256

A repository may hold a network that timm has and the zoo lacks: it is read as the zoo's are, with
safetensors alone, no code, and a lock of what was loaded first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from torch import nn

from zoo.checkpoints.loading import assign_state, check_keys, fetch_tensors, lock, tensor_shapes
from zoo.checkpoints.lockfile import get_pin
from zoo.checkpoints.writing import file_sha256
from zoo.evaluation.custom.request import Request
from zoo.inference.upscaling import resolve_model
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.models._preprocessing import MAX_SIDE, stated_preprocessing
from zoo.models._registry import (
    UnknownNameError,
    list_weights,
    model_entries,
    parse_name,
    stored_counts,
)
from zoo.models._sources import (
    FOLDER,
    HUB,
    OVERRIDABLE,
    OpenedSource,
    canonical,
    is_source,
    load_file,
    open_source,
)
from zoo.papers.weights import WeightsError

TIMM = "timm:"
INDEX = ".json"  # of a checkpoint in several files


def _is_size(value: Any) -> bool:
    """True for a side in pixels, or for height and width."""
    sides = value if isinstance(value, list) else [value]
    return 0 < len(sides) < 3 and all(type(n) is int and 0 < n <= MAX_SIDE for n in sides)


TIMM_ARGS: dict[str, Callable[[Any], bool]] = {  # that a config.json may set of timm's networks
    "num_classes": lambda value: type(value) is int and value in OVERRIDABLE["num_classes"],
    "in_chans": lambda value: type(value) is int and value in OVERRIDABLE["in_chans"],
    "img_size": _is_size,
    "global_pool": lambda value: isinstance(value, str) and value.isalpha() and len(value) < 16,
}


@dataclass(frozen=True)
class Network:
    """A network with its weights."""

    module: nn.Module
    weights: str  # arch.tag, or where they are from
    sha256: str  # of their file; "" if nobody has pinned them, or without parameters

    @property
    def model(self) -> str:
        """The architecture's name."""
        return str(pretrained_cfg(self.module)["architecture"])

    @property
    def task(self) -> str:
        """The task, by the zoo's entry; timm's networks classify images."""
        entry = model_entries().get(self.model)
        return entry.task if entry else "image-classification"


def load(request: Request, task: str = "") -> Network:
    """Load the network of a request.

    Args:
        request: Its fields weights, model, args, scale, mean and std say which it is.
        task: What the network has to be for; "" for any task.

    Raises:
        UnknownNameError: Neither the zoo nor timm has the name.
        ValueError: The network is for another task.
        WeightsError: The weights cannot be loaded, or do not fit.
    """
    name, model = canonical(request.weights), request.model
    is_file = _is_file(name)
    if not is_file and (model or request.args or request.mean or request.std):
        raise ValueError(f"--model, --args, --mean and --std are of a file, and {name} is none")
    architecture, dot, tag = (model, "", "") if is_file else name.partition(".")
    if request.scale and architecture.isidentifier() and architecture not in model_entries():
        architecture = resolve_model(architecture, request.scale)  # rcan is rcan_x2
        name, model = (name, architecture) if is_file else (architecture + dot + tag, "")
    if entry := model_entries().get(architecture):
        _require_task(architecture, entry.task, task, request.benchmark)
    network = _load(name, model, request)
    _require_task(network.model, network.task, task, request.benchmark)
    return network


def _require_task(name: str, actual: str, task: str, benchmark: str) -> None:
    """Raise ValueError for another task, unless weights of this network are for the benchmark."""
    others = list_weights(name) if name in model_entries() else ()
    if task not in ("", actual) and not any(benchmark in w.benchmarks for w in others):
        raise ValueError(
            f"{name} is not for {task} but for {actual}; `zoo list --task {task}` lists what is"
        )


def _load(name: str, model: str, request: Request) -> Network:
    if name.startswith((HUB, FOLDER)):
        return _from_repository(name)
    if _is_file(name):
        return _from_file(Path(name), model, request)
    architecture = name.partition(".")[0]
    if name.startswith(TIMM) or (
        architecture not in model_entries() and timm.is_model(architecture)
    ):
        return _from_repository(_timm_repository(name.removeprefix(TIMM)))
    entry, _ = parse_name(name)
    if stored_counts(entry).get("params") == 0:
        return Network(create(name), "", "")
    module = create(name, pretrained=True)
    cfg = pretrained_cfg(module)
    weights = parse_name(f"{cfg['architecture']}.{cfg['tag']}")[1]
    assert weights
    pin = get_pin(weights) if weights.repo else weights
    return Network(module, weights.name, pin.sha256 if pin else "")


def _is_file(name: str) -> bool:
    is_repository = name.startswith((HUB, FOLDER))
    return not is_repository and (is_source(name) or name.endswith(INDEX))


def _from_file(path: Path, model: str, request: Request) -> Network:
    """Load a safetensors file, or the index of several, as the network that it or `model` names."""
    if model:
        module = load_file(model, path, **request.args)
    elif request.args:
        raise ValueError(f"--args are of the architecture of {path}: name it by --model")
    else:
        try:
            module = create(str(path))
        except WeightsError as error:
            raise WeightsError(str(error).replace("by model=", "by --model")) from None
    stated = {key: v for key, v in (("mean", request.mean), ("std", request.std)) if v}
    vars(module)["pretrained_cfg"] = pretrained_cfg(module) | stated
    return Network(module, str(path), file_sha256(path))


def _from_repository(source: str) -> Network:
    opened = open_source(source)
    architecture = str(opened.config.get("zoo", {}).get("model", opened.config.get("architecture")))
    if architecture not in model_entries() and timm.is_model(architecture):
        module = _timm_network(source, architecture, opened)
    else:
        module = create(source)
    is_local = source.startswith(FOLDER)
    pin = None if is_local else get_pin(opened.tensors)
    sha256 = file_sha256(Path(opened.tensors.file)) if is_local else pin.sha256 if pin else ""
    return Network(module, source, sha256)


def _timm_repository(name: str) -> str:
    """Return the repository of timm's weights. Raises UnknownNameError."""
    try:
        cfg = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # a tag that the network lacks
        raise UnknownNameError(f"timm: {error}") from None
    if cfg is None or not cfg.hf_hub_id:
        raise UnknownNameError(f"timm has no weights on the Hub that are called {name!r}")
    return f"{HUB}{cfg.hf_hub_id}"


def _timm_network(source: str, architecture: str, opened: OpenedSource) -> nn.Module:
    """Build timm's network by a config.json that anyone may have written, and load its tensors."""
    config, stated = opened.config, opened.config.get("pretrained_cfg")
    cfg = stated_preprocessing(source, stated) if isinstance(stated, dict) else {}
    overlay: dict[str, Any] = {**cfg, "hf_hub_id": source.removeprefix(HUB)}
    args = _timm_args(source, config)
    module: nn.Module
    try:
        module = timm.create_model(architecture, pretrained_cfg_overlay=overlay, **args)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{source}: timm cannot build {architecture}: {error}") from None
    state, files = fetch_tensors(opened.tensors)
    check_keys(source, tensor_shapes(module.state_dict()), state)
    assign_state(module, state)
    lock([opened.file, *files])
    return module.eval()


def _timm_args(source: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a config.json may set. Raises WeightsError for others."""
    stated = config.get("model_args") or {}
    if not isinstance(stated, dict):
        raise WeightsError(f"{source}: model_args of config.json are an object, not {stated!r:.60}")
    args = {"num_classes": config.get("num_classes", 1000), **stated}
    for key, value in args.items():
        is_valid = TIMM_ARGS.get(key)
        if not is_valid or not is_valid(value):
            raise WeightsError(f"{source}: config.json asks timm for {key}={value!r:.60}")
    return args
