"""Model entry -> module; classifiers by timm's builder, so that timm can use them like its own."""

import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from torch import nn
from zoo.models._registry import ModelEntry, get_entry, paper_of, suggest

FEATURES = {"features_only", "out_indices"}  # timm's arguments for any classifier


def build_uninitialised(
    entry: ModelEntry, weights: Weights | None, overrides: Mapping[str, Any], *, resized: bool
) -> tuple["nn.Module", "nn.Module"]:
    """A module for weights to be loaded into, and the whole of it: on "meta", if that may be more.
    Parameters are drawn only if it is `resized`, so that some may have no weights."""
    from zoo.models._init import SkipInit

    with nullcontext() if resized else SkipInit():
        model = build_entry(entry, weights, overrides)
    if not entry.is_classifier:
        return model, model
    whole = {key: overrides[key] for key in overrides if key not in FEATURES}
    return model, build_entry(entry, weights, whole, device="meta")


def key_mappings_of(entry: ModelEntry) -> list[Any]:
    """Those of the convert.py of an entry's room, if it has one."""
    found = importlib.util.find_spec(f"{entry.family}.convert")
    return list(importlib.import_module(found.name).KEY_MAPPINGS) if found else []


def build_entry(
    entry: ModelEntry,
    weights: Weights | None,
    overrides: Mapping[str, Any],
    device: str | None = None,
) -> "nn.Module":
    """The module of an entry; a classifier by timm's builder, so that timm can use it like its
    own."""
    import torch

    from zoo.models._init import SkipInit

    cls = load_class(entry.target)
    own, features = inspect.signature(cls).parameters, FEATURES if entry.is_classifier else set()
    known = {*own, *features, "dtype"}
    for key in overrides:
        if key not in known:
            raise ValueError(
                f"{entry.name} takes no {key!r}; the nearest are {suggest(key, sorted(known))}"
            )
    cfg = make_pretrained_cfg(entry, weights)
    args = {**entry.args, **(weights.args if weights else {}), **overrides}
    dtype = None if "dtype" in own else args.pop("dtype", None)
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype must be a floating-point type of torch, not {dtype!r}")
    make = partial(_classifier, entry) if entry.is_classifier else _bare
    drawn = SkipInit() if device == "meta" else nullcontext()
    with drawn, torch.device(device) if device else nullcontext():
        model: nn.Module = make(cls, cfg, args)
        return model.to(dtype) if dtype else model


def _classifier(
    entry: ModelEntry, cls: Any, cfg: dict[str, Any], args: dict[str, Any]
) -> "nn.Module":
    from timm.models import build_model_with_cfg

    args.setdefault("num_classes", cfg["num_classes"])
    model: nn.Module = build_model_with_cfg(
        cls,
        entry.name,
        pretrained=False,
        pretrained_cfg=cfg,
        feature_cfg={"feature_cls": "getter", "out_indices": None},
        **args,
    )
    return model


def _bare(cls: Any, cfg: dict[str, Any], args: dict[str, Any]) -> "nn.Module":
    model: nn.Module = cls(**args)
    vars(model)["pretrained_cfg"] = cfg
    return model


def make_pretrained_cfg(entry: ModelEntry, weights: Weights | None) -> dict[str, Any]:
    """The pretrained_cfg of a network, or of its weights, in timm's words."""
    paper = paper_of(entry)
    cfg = {**entry.cfg, "architecture": entry.name}
    if paper:
        ids = paper.arxiv and f"arXiv:{paper.arxiv.partition('v')[0]}"
        cfg |= {"paper_ids": ids, "paper_name": paper.title, "origin_url": paper.code}
    if weights:
        cfg |= {**weights.preprocessing, "tag": weights.tag, "license": weights.license}
        cfg |= {"hf_hub_id": weights.repo} if weights.repo else {"file": str(weights.path)}
    return cfg


def build_model(name: str, *, device: str | None = None, **overrides: Any) -> "nn.Module":
    """The network `name` with fresh weights, on `device` ("meta" costs neither time nor memory)."""
    return build_entry(get_entry(name), None, overrides, device)


def load_class(target: str) -> Any:
    """The class at "package.module:Class"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
