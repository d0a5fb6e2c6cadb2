"""The bridge: `import zoo.timm`, and timm knows the zoo's classifiers.

Registers every name of one that timm has free, so that timm.create_model, list_models,
features_only, num_classes, in_chans and local-dir: work on them. A name that timm has stays timm's.
"""

import dataclasses
import sys
from typing import Any

import timm
from timm.models import PretrainedCfg, build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from zoo.models._builder import load_class, make_pretrained_cfg
from zoo.models._registry import ModelEntry, list_weights, model_entries

default_cfgs: dict[str, Any] = {}  # where timm looks for a module's configurations
names: list[str] = []  # what this bridge registered


def _entrypoint(entry: ModelEntry) -> Any:
    """A function as timm wants it: named after the model, taking `pretrained` and anything."""

    def make(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        model: nn.Module = build_model_with_cfg(
            load_class(entry.target),
            entry.name,
            pretrained,
            feature_cfg={"feature_cls": "getter", "out_indices": None},
            **{**entry.args, **kwargs},
        )
        return model

    make.__name__ = make.__qualname__ = entry.name
    make.__module__ = __name__
    make.__doc__ = f"{entry.name} of the residual zoo: {entry.target}."
    return make


def _configurations(entry: ModelEntry) -> dict[str, dict[str, Any]]:
    """{"name.tag": cfg} of bundled weights, the default first; a name without has one cfg, no tag.

    Weights on the Hub are timm's own, under timm's names: timm would load them unverified.
    """
    bundled = [w for w in list_weights(entry.name) if not w.repo]
    tagged = {w.name: make_pretrained_cfg(entry, w) for w in bundled}
    return tagged or {entry.name: make_pretrained_cfg(entry, None)}


def _register() -> None:
    for name, entry in model_entries().items():
        if timm.is_model(name) or not entry.is_classifier:
            continue
        known = {field.name for field in dataclasses.fields(PretrainedCfg)}
        cfgs: dict[str, Any] = {
            key: {k: v for k, v in cfg.items() if k in known - {"architecture", "tag"}}
            for key, cfg in _configurations(entry).items()
        }
        default_cfgs.update(generate_default_cfgs(cfgs))
        entrypoint = _entrypoint(entry)
        setattr(sys.modules[__name__], name, entrypoint)
        register_model(entrypoint)
        names.append(name)


if not names:
    _register()
