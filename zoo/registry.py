"""Names -> networks. The only file that knows how a model is made.

"wrn28_10.tag" -> Variant(target, args, cfg) -> module -> pinned weights

Rooms register their names in `__init__.py`, as plain data: listing them loads no torch.
"""

import difflib
import importlib
import importlib.util
import inspect
import json
import pkgutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from zoo import literature
from zoo.pretrained import ROOMS, Weights

if TYPE_CHECKING:
    from torch import nn

MARKS = {"num_classes": "image-classification", "vocab_size": "language-modelling"}  # of a cfg
FEATURES = {"features_only", "out_indices"}  # timm's arguments for any classifier


class UnknownNameError(KeyError):
    """A name that nothing is registered under; the message has the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Variant:
    """One name: the class that makes it ("package.module:Class"), its arguments, timm's cfg, and
    what it does, one of zoo.tasks (told by its cfg, if that does)."""

    name: str
    target: str
    args: Mapping[str, Any]
    cfg: Mapping[str, Any]
    task: str = ""

    def __post_init__(self) -> None:
        known = (task for mark, task in MARKS.items() if mark in self.cfg)
        object.__setattr__(self, "task", self.task or next(known, "super-resolution"))

    @property
    def is_classifier(self) -> bool:
        """Whether it is an image classifier, which keeps timm's contract."""
        return "num_classes" in self.cfg

    @property
    def is_language_model(self) -> bool:
        """Whether it takes token ids and gives logits of the next."""
        return "vocab_size" in self.cfg

    @property
    def family(self) -> str:
        """The room's package, e.g. zoo.families.resnet."""
        return self.target.partition(":")[0].rpartition(".")[0]


_variants: dict[str, Variant] = {}


def register(
    target: str,
    variants: Mapping[str, Mapping[str, Any]],
    cfg: Mapping[str, Any],
    task: str = "",
) -> None:
    """Gives each name in `variants` to the class `target` ("package.module:Class") with its
    arguments; see Variant for `task`. Raises ValueError when a name is taken by another target or
    other arguments."""
    for name, args in variants.items():
        variant = Variant(name, target, dict(args), dict(cfg), task)
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
    if found := [weights for weights in known if weights.tag == tag]:
        return entry, found[0]
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


def create(name: str, pretrained: bool | None = None, **overrides: Any) -> "nn.Module":
    """The network `name` ("arch" or "arch.tag"), with its weights and in eval mode if `pretrained`.

    A name may also say where the tensors are: "hf-hub:org/repo[@revision]", "local-dir:PATH", or a
    safetensors file, whose network is told by its tensors; they are loaded unless `pretrained` is
    False.

    `overrides` are arguments of its class (num_classes, in_chans, drop_rate, ... and the room's
    own, see `zoo.describe`), timm's features_only and out_indices, or `dtype`, what parameters and
    buffers are kept in: tensors of a file that are in it already are not copied. Raises
    UnknownNameError for a name, LookupError when there are no weights, ValueError for an argument,
    WeightsError when the weights are not those that are pinned, or do not arrive from the Hub.
    """
    from zoo import repositories

    if repositories.is_source(name):
        return repositories.create(name, pretrained is not False, overrides)
    entry, weights = split(name)
    if not pretrained:
        return build(entry, weights, overrides)
    weights = weights or default_weights(entry.name)
    from zoo.weights import load_into

    resized = "num_classes" in overrides
    model, like = blank(entry, weights, overrides, resized=resized)
    load_into(model, weights, like=like, resized=resized, scheme=_scheme(entry, weights))
    return model.eval()


def blank(
    entry: Variant, weights: Weights | None, overrides: Mapping[str, Any], *, resized: bool
) -> tuple["nn.Module", "nn.Module"]:
    """A module for weights to be loaded into, and the whole of it: on "meta", if that may be more.
    Parameters are drawn only if it is `resized`, so that some may have no weights."""
    from zoo.reading import Undrawn

    with nullcontext() if resized else Undrawn():
        model = build(entry, weights, overrides)
    if not entry.is_classifier:
        return model, model
    whole = {key: overrides[key] for key in overrides if key not in FEATURES}
    return model, build(entry, weights, whole, device="meta")


def schemes(entry: Variant) -> list[Any]:
    """Those of the convert.py of an entry's room, if it has one."""
    found = importlib.util.find_spec(f"{entry.family}.convert")
    return list(importlib.import_module(found.name).SCHEMES) if found else []


def _scheme(entry: Variant, weights: Weights) -> Any:
    """The scheme that weights are named by; None if it is the zoo's own."""
    fitting = [s for s in schemes(entry) if s.name == weights.keys and s.fits(entry.name)]
    if fitting or not weights.keys:
        return fitting[0] if fitting else None
    raise ValueError(f"{weights.where}: convert.py has no scheme {weights.keys!r} of {entry.name}")


def build(
    entry: Variant, weights: Weights | None, overrides: Mapping[str, Any], device: str | None = None
) -> "nn.Module":
    """The module of an entry; a classifier by timm's builder, so that timm can use it like its
    own."""
    import torch

    from zoo.reading import Undrawn

    cls = load_class(entry.target)
    own, features = inspect.signature(cls).parameters, FEATURES if entry.is_classifier else set()
    known = {*own, *features, "dtype"}
    for key in overrides:
        if key not in known:
            raise ValueError(
                f"{entry.name} takes no {key!r}; the nearest are {nearest(key, sorted(known))}"
            )
    cfg = configuration(entry, weights)
    args = {**entry.args, **(weights.args if weights else {}), **overrides}
    dtype = None if "dtype" in own else args.pop("dtype", None)
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype must be a floating-point type of torch, not {dtype!r}")
    make = partial(_classifier, entry) if entry.is_classifier else _bare
    drawn = Undrawn() if device == "meta" else nullcontext()
    with drawn, torch.device(device) if device else nullcontext():
        model: nn.Module = make(cls, cfg, args)
        return model.to(dtype) if dtype else model


def _classifier(entry: Variant, cls: Any, cfg: dict[str, Any], args: dict[str, Any]) -> "nn.Module":
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
        ids = paper.arxiv and f"arXiv:{paper.arxiv.partition('v')[0]}"
        cfg |= {"paper_ids": ids, "paper_name": paper.title, "origin_url": paper.code}
    if weights:
        cfg |= {**weights.preprocessing, "tag": weights.tag, "license": weights.licence}
        cfg |= {"hf_hub_id": weights.repo} if weights.repo else {"file": str(weights.path)}
    return cfg


def network(name: str, *, device: str | None = None, **overrides: Any) -> "nn.Module":
    """The network `name` with fresh weights, on `device` ("meta" costs neither time nor memory)."""
    return build(variant(name), None, overrides, device)


def load_class(target: str) -> Any:
    """The class at "package.module:Class"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def recorded_counts(entry: Variant) -> dict[str, int]:
    """Counts as eval/counts.py wrote them down, so that showing them needs no torch."""
    paper = paper_of(entry)
    path = ROOMS / (paper.id if paper else "") / "counts.json"
    counts: Any = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return dict(counts.get(entry.name, {}))


def paper_of(entry: Variant) -> literature.Paper | None:
    """The paper of an entry's room, if it has one."""
    return next((p for p in literature.load_all() if entry.family == f"zoo.families.{p.id}"), None)
