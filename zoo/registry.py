"""Names -> networks. The only file that knows how a model is made.

"wrn28_10.tag" -> Variant(target, args, cfg) -> module -> pinned weights

Rooms register their names in `__init__.py`, as plain data: listing them loads no torch.
"""

import difflib
import importlib
import inspect
import json
import pkgutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo import literature
from zoo.pretrained import ROOMS, Weights

if TYPE_CHECKING:
    from torch import nn

# What timm keeps beside a network without weights. The CIFAR statistics are those of the
# authors' Torch code (datasets/cifar10.lua of fb.resnet.torch), in units of 255.
CIFAR: dict[str, Any] = {
    "input_size": (3, 32, 32),
    "num_classes": 10,
    "pool_size": (8, 8),
    "crop_pct": 1.0,
    "interpolation": "bilinear",
    "mean": (125.3 / 255, 123.0 / 255, 113.9 / 255),
    "std": (63.0 / 255, 62.1 / 255, 66.7 / 255),
    "first_conv": "conv1",
    "classifier": "fc",
}
IMAGENET: dict[str, Any] = CIFAR | {
    "input_size": (3, 224, 224),
    "num_classes": 1000,
    "pool_size": (7, 7),
    "crop_pct": 0.875,
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}


def upscaling(scale: int) -> dict[str, Any]:
    """The configuration of a network that enlarges by `scale`: it takes an image of any size; the
    one it is counted at makes 1280x720 pixels, as papers count."""
    return {"input_size": (3, 720 // scale, 1280 // scale), "fixed_input_size": False}


FEATURES = {"features_only", "out_indices"}  # timm's arguments for any classifier


class UnknownNameError(KeyError):
    """A name that nothing is registered under; the message has the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Variant:
    """One name: the class that makes it ("package.module:Class"), its arguments, timm's cfg."""

    name: str
    target: str
    args: Mapping[str, Any]
    cfg: Mapping[str, Any]

    @property
    def is_classifier(self) -> bool:
        """Whether it is an image classifier, which keeps timm's contract."""
        return "num_classes" in self.cfg

    @property
    def family(self) -> str:
        """The room's package, e.g. zoo.families.resnet."""
        return self.target.partition(":")[0].rpartition(".")[0]


_variants: dict[str, Variant] = {}


def register(
    target: str, variants: Mapping[str, Mapping[str, Any]], cfg: Mapping[str, Any]
) -> None:
    """Gives each name in `variants` to the class `target` ("package.module:Class") with its
    arguments. Raises ValueError when a name is taken by another target or other arguments."""
    for name, args in variants.items():
        variant = Variant(name, target, dict(args), dict(cfg))
        other = _variants.setdefault(name, variant)
        if other != variant:
            raise ValueError(
                f"{name!r} is {other.target} already; {target} needs a name of its own"
            )


@cache
def _load_rooms() -> None:
    import zoo.families

    for module in pkgutil.iter_modules(zoo.families.__path__, "zoo.families."):
        importlib.import_module(module.name)


def variants() -> dict[str, Variant]:
    """All names, rooms in alphabetical order, names within a room as registered."""
    _load_rooms()
    return dict(_variants)


def nearest(name: str, names: list[str]) -> str:
    """The three names that look most like `name`, for an error message."""
    return ", ".join(difflib.get_close_matches(name, names, 3, cutoff=0.0))


def variant(name: str) -> Variant:
    """The entry of `name` (no tag). Raises UnknownNameError with the three nearest names."""
    known = variants()
    if name not in known:
        raise UnknownNameError(
            f"no model is called {name!r}; the nearest are {nearest(name, list(known))}"
        )
    return known[name]


def split(name: str) -> tuple[Variant, Weights | None]:
    """The entry of "arch" or "arch.tag", and the weights of that tag (None without a tag).

    Raises UnknownNameError for either, with what there is.
    """
    architecture, _, tag = name.partition(".")
    entry = variant(architecture)
    if not tag:
        return entry, None
    known = weights_of(architecture)
    for weights in known:
        if weights.tag == tag:
            return entry, weights
    have = ", ".join(weights.name for weights in known) or "none"
    raise UnknownNameError(f"{architecture} has no weights called {tag!r}; it has: {have}")


def weights_of(architecture: str) -> list[Weights]:
    """All weights of an architecture, the default first, those that not everyone may use last."""
    known = [w for p in literature.load_all() for w in p.weights if w.model == architecture]
    return sorted(known, key=lambda weights: not weights.permissive)


def default_weights(architecture: str) -> Weights:
    """What the bare name of an architecture stands for. Raises LookupError if it has no weights,
    or none whose licence lets everyone use them: those have to be asked for by their tag."""
    known = weights_of(architecture)
    if known and known[0].permissive:
        return known[0]
    if known:
        have = ", ".join(f"{w.name} (licence: {w.licence})" for w in known)
        raise LookupError(
            f"{architecture} has no default weights, because none are free for any use; if their "
            f"licence suits you, name one of: {have}"
        )
    others = [name for name in variants() if any(w.permissive for w in weights_of(name))]
    raise LookupError(
        f"{architecture} has no weights; the nearest that have are {nearest(architecture, others)}"
    )


def create(name: str, pretrained: bool = False, **overrides: Any) -> "nn.Module":
    """The network `name` ("arch" or "arch.tag"), with its weights and in eval mode if `pretrained`.

    `overrides` are arguments of its class (num_classes, in_chans, drop_rate, ... and the room's
    own, see `zoo.describe`), or timm's features_only and out_indices. Raises UnknownNameError for a
    name, LookupError when there are no weights, ValueError for an argument, WeightsError when
    the weights are not those that are pinned, or do not arrive from the Hub.
    """
    entry, weights = split(name)
    if not pretrained:
        return _build(entry, weights, overrides)
    weights = weights or default_weights(entry.name)
    from zoo.weights import load_into

    whole = {key: overrides[key] for key in overrides if key not in FEATURES}
    model = _build(entry, weights, overrides)
    load_into(model, weights, like=_build(entry, weights, whole, device="meta"))
    return model.eval()


def _build(
    entry: Variant, weights: Weights | None, overrides: Mapping[str, Any], device: str | None = None
) -> "nn.Module":
    """The module of an entry; a classifier by timm's builder, so that timm can use it like its
    own."""
    import torch

    cls = load_class(entry.target)
    known = set(inspect.signature(cls).parameters) | (FEATURES if entry.is_classifier else set())
    for key in overrides:
        if key not in known:
            raise ValueError(
                f"{entry.name} takes no {key!r}; the nearest are {nearest(key, sorted(known))}"
            )
    cfg = configuration(entry, weights)
    args = {**entry.args, **(weights.args if weights else {}), **overrides}
    with torch.device(device) if device else nullcontext():
        return _classifier(cls, entry, cfg, args) if entry.is_classifier else _bare(cls, cfg, args)


def _classifier(cls: Any, entry: Variant, cfg: dict[str, Any], args: dict[str, Any]) -> "nn.Module":
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


def configuration(entry: Variant, weights: Weights | None) -> dict[str, Any]:
    """The pretrained_cfg of a network, or of its weights, in timm's words."""
    paper = paper_of(entry)
    cfg = {**entry.cfg, "architecture": entry.name}
    if paper:
        cfg |= {"paper_ids": f"arXiv:{paper.arxiv.partition('v')[0]}", "paper_name": paper.title}
        cfg["origin_url"] = paper.code
    if weights:
        cfg |= {**weights.preprocessing, "tag": weights.tag, "license": weights.licence}
        cfg |= {"hf_hub_id": weights.repo} if weights.repo else {"file": str(weights.path)}
    return cfg


def network(name: str, *, device: str | None = None, **overrides: Any) -> "nn.Module":
    """The network `name` with fresh weights, on `device` ("meta" costs neither time nor memory)."""
    return _build(variant(name), None, overrides, device)


def check_claims() -> None:
    """Raises PaperError for a claim or weights on a model that the paper's own room lacks."""
    known = variants()
    for paper in literature.load_all():
        text = f"{paper.id}/paper.toml"
        claimed = [(c.model, f"{text}:{c.line}") for c in paper.claims]
        claimed += [(c.than, f"{text}:{c.line}") for c in paper.claims if c.than]
        claimed += [(weights.model, weights.where) for weights in paper.weights]
        for model, where in claimed:
            if model not in known or paper_of(known[model]) is not paper:
                raise literature.PaperError(
                    f"{where}: this room has no model {model!r}; "
                    f"the nearest names are {nearest(model, list(known))}"
                )


def load_class(target: str) -> Any:
    """The class at "package.module:Class"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def recorded_counts(entry: Variant) -> dict[str, int]:
    """Counts as eval/counts.py wrote them down, so that showing them needs no torch."""
    paper = paper_of(entry)
    path = ROOMS / (paper.id if paper else "") / "counts.json"
    counts: dict[str, dict[str, int]] = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    )
    return counts.get(entry.name, {})


def paper_of(entry: Variant) -> literature.Paper | None:
    """The paper of an entry's room, if it has one."""
    return next((p for p in literature.load_all() if entry.family == f"zoo.families.{p.id}"), None)
