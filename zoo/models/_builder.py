"""Model entry -> module. Classifiers are built by timm, which can then use them like its own."""

import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from zoo.models._registry import ModelEntry, get_entry, paper_of, suggest
from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from torch import nn

    from zoo.checkpoints.key_mapping import KeyMapping

FEATURES = {"features_only", "out_indices"}  # timm's arguments for any classifier
SIZES = ("input_size", "test_input_size")
TIMM_FEATURES = {"feature_cls": "getter", "out_indices": None}


def build_uninitialised(
    entry: ModelEntry, weights: Weights | None, overrides: Mapping[str, Any], *, resized: bool
) -> tuple["nn.Module", "nn.Module"]:
    """Build a module for weights to be loaded into, and the complete network it is a part of.

    The two differ for features_only: the complete network is then on the meta device. Parameters
    are initialised only if `resized`, as some may have no weights.
    """
    from zoo.models._init import SkipInit

    with nullcontext() if resized else SkipInit():
        model = build_entry(entry, weights, overrides)
    if not entry.is_classifier:
        return model, model
    complete = {key: overrides[key] for key in overrides if key not in FEATURES}
    return model, build_entry(entry, weights, complete, device="meta")


def key_mappings_of(entry: ModelEntry) -> list["KeyMapping"]:
    """Return the key mappings of a family's convert.py; none without that file."""
    spec = importlib.util.find_spec(f"{entry.family}.convert")
    return list(importlib.import_module(spec.name).KEY_MAPPINGS) if spec else []


def build_entry(
    entry: ModelEntry,
    weights: Weights | None,
    overrides: Mapping[str, Any],
    device: str | None = None,
) -> "nn.Module":
    """Build the module of an entry, with the arguments and configuration of `weights` if given."""
    import torch

    from zoo.models._init import SkipInit

    cls = load_class(entry.target)
    parameters = inspect.signature(cls).parameters
    allowed = {*parameters, "dtype", *(FEATURES if entry.is_classifier else ())}
    for key in overrides:
        if key not in allowed:
            raise ValueError(
                f"{entry.name} takes no {key!r}; the nearest are {suggest(key, sorted(allowed))}"
            )
    args = {**entry.args, **(weights.args if weights else {}), **overrides}
    dtype = None if "dtype" in parameters else args.pop("dtype", None)
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype must be a floating-point type of torch, not {dtype!r}")
    with (
        SkipInit() if device == "meta" else nullcontext(),
        torch.device(device) if device else nullcontext(),
    ):
        model = _instantiate(entry, cls, make_pretrained_cfg(entry, weights), args)
        return model.to(dtype) if dtype else model


def _instantiate(
    entry: ModelEntry, cls: Any, cfg: dict[str, Any], args: dict[str, Any]
) -> "nn.Module":
    model: nn.Module
    if not entry.is_classifier:
        model = cls(**args)
        vars(model)["pretrained_cfg"] = cfg | getattr(model, "sizes", {})
        return model
    from timm.models import build_model_with_cfg

    cfg = with_channels(cfg, args.get("in_chans", cfg["input_size"][0]))
    args.setdefault("num_classes", cfg["num_classes"])
    model = build_model_with_cfg(
        cls,
        entry.name,
        pretrained=False,
        pretrained_cfg=cfg,
        feature_cfg=dict(TIMM_FEATURES),
        **args,
    )
    return model


def with_channels(cfg: dict[str, Any], channels: int) -> dict[str, Any]:
    """Return a pretrained_cfg for images of another number of channels; of one, by mean values."""
    if channels == cfg["input_size"][0]:
        return cfg
    sizes = {key: (channels, *cfg[key][1:]) for key in SIZES if key in cfg}
    means = {key: (sum(cfg[key]) / len(cfg[key]),) for key in ("mean", "std")}
    return {**cfg, **sizes, **(means if channels == 1 else {})}


def make_pretrained_cfg(entry: ModelEntry, weights: Weights | None) -> dict[str, Any]:
    """Return timm's pretrained_cfg of a network, or of its weights."""
    paper = paper_of(entry)
    cfg = {**entry.cfg, "architecture": entry.name}
    if paper:
        ids = paper.arxiv and f"arXiv:{paper.arxiv.partition('v')[0]}"
        cfg |= {"paper_ids": ids, "paper_name": paper.title, "origin_url": paper.code}
    if weights:
        cfg |= {**weights.preprocessing, "tag": weights.tag, "license": weights.license}
        cfg |= {"hf_hub_id": weights.repo} if weights.repo else {"file": str(weights.path)}
    return cfg


def pretrained_cfg(model: "nn.Module") -> dict[str, Any]:
    """Return the configuration that a network built by the zoo or by timm carries."""
    cfg: dict[str, Any] = vars(model)["pretrained_cfg"]
    return cfg


def build_model(name: str, *, device: str | None = None, **overrides: Any) -> "nn.Module":
    """Build a network with fresh weights on `device` ("meta" costs neither time nor memory)."""
    return build_entry(get_entry(name), None, overrides, device)


def load_class(target: str) -> Any:
    """Import the class at "package.module:Class"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
