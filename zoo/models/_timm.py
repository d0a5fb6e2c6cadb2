"""Bridge to timm: after `import zoo.timm`, timm knows the zoo's classifiers.

Every name that timm does not have is registered, so that timm.create_model, list_models,
features_only, num_classes, in_chans and local-dir: work on it.
"""

import dataclasses
import sys
from typing import Any

import timm
from timm.models import PretrainedCfg, build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from zoo.models._builder import TIMM_FEATURES, load_class, make_pretrained_cfg
from zoo.models._registry import ModelEntry, list_weights, model_entries

default_cfgs: dict[str, Any] = {}  # where timm looks for the configurations of a module
names: list[str] = []  # registered by this bridge
CFG_KEYS = {field.name for field in dataclasses.fields(PretrainedCfg)} - {"architecture", "tag"}


def _make_entrypoint(entry: ModelEntry) -> Any:
    def create(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        model: nn.Module = build_model_with_cfg(
            load_class(entry.target),
            entry.name,
            pretrained,
            feature_cfg=dict(TIMM_FEATURES),
            **{**entry.args, **kwargs},
        )
        return model

    create.__name__ = create.__qualname__ = entry.name
    create.__module__ = __name__
    create.__doc__ = f"{entry.name} of the residual zoo: {entry.target}."
    return create


def _configurations(entry: ModelEntry) -> dict[str, dict[str, Any]]:
    """Return {"name.tag": cfg} of bundled weights, the default first; else one cfg without tag.

    Weights on the Hub are timm's own, under timm's names: timm would load them unverified.
    """
    bundled = [w for w in list_weights(entry.name) if not w.repo]
    tagged = {w.name: make_pretrained_cfg(entry, w) for w in bundled}
    return tagged or {entry.name: make_pretrained_cfg(entry, None)}


def _register() -> None:
    for name, entry in model_entries().items():
        if timm.is_model(name) or not entry.is_classifier:
            continue
        cfgs: dict[str, Any] = {
            key: {k: v for k, v in cfg.items() if k in CFG_KEYS}
            for key, cfg in _configurations(entry).items()
        }
        default_cfgs.update(generate_default_cfgs(cfgs))
        entrypoint = _make_entrypoint(entry)
        setattr(sys.modules[__name__], name, entrypoint)
        register_model(entrypoint)
        names.append(name)


if not names:
    _register()
