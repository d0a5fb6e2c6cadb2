"""timm's contract of an image classifier, for every name: shapes, keys, configurations.

A family is tested by being there. Networks on the meta device, without values;
test_all_behaviour.py has the values.
"""

import inspect
from functools import cache
from itertools import chain
from typing import Any

import pytest
import torch
from timm.layers import SelectAdaptivePool2d
from timm.models import group_parameters
from torch import Tensor, nn

from tests.conftest import class_of, one_of_a_kind, options_of
from tests.support.models import fits, unpadded
from zoo.models._builder import build_model, load_class
from zoo.models._registry import model_entries, stored_counts

ENTRIES = {name: entry for name, entry in model_entries().items() if entry.is_classifier}
TARGETS = {entry.target: name for name, entry in reversed(ENTRIES.items())}
ARGUMENTS = {target: inspect.signature(load_class(target)).parameters for target in TARGETS}

BY_DEPTH = sorted(ENTRIES, key=lambda name: stored_counts(ENTRIES[name]).get("depth", 0))

slow = pytest.mark.slow
every_name = pytest.mark.parametrize("name", one_of_a_kind(BY_DEPTH, class_of, options_of))


def pixels(name: str) -> int:
    """Return 64 or less, but for networks on images of one size."""
    cfg = ENTRIES[name].cfg
    side: int = cfg["input_size"][1]
    return side if cfg.get("fixed_input_size") else max(min(side, 64), least_pixels(name))


def least_pixels(name: str) -> int:
    """Return the least side of an image, 0 if the network pads and takes any."""
    return int(ENTRIES[name].cfg.get("min_input_size", (0, 0, 0))[1])


def sketch(name: str, **args: Any) -> Any:
    """A network without values."""
    return build_model(name, device="meta", **args).eval()


def channels(name: str) -> int:
    return int(ENTRIES[name].cfg["input_size"][0])


def blank(name: str, in_chans: int = 0) -> Tensor:
    shape = (2, in_chans or channels(name), pixels(name), pixels(name))
    return torch.zeros(shape, device="meta")


@cache
def whole(name: str) -> Any:
    """A network that nobody changes."""
    return sketch(name)


def reductions(entry: dict[str, Any]) -> tuple[int, int]:
    """Of height and width: two numbers where one does not say it."""
    both: tuple[int, int] = entry.get("reductions", (entry["reduction"],) * 2)
    return both


# Every name


@pytest.mark.slow
@every_name
def test_classifier_head_of_every_name_can_be_reset(name: str) -> None:
    model = sketch(name, num_classes=7, in_chans=1, global_pool="max")
    features = model.forward_features(blank(name, 1))
    assert features.shape[:2] == (2, model.num_features)
    assert (model.forward_head(features).shape, model.num_classes) == ((2, 7), 7)
    assert model.get_classifier() is model.get_submodule(model.get_classifier(name_only=True))
    for pool in (None, "avg", "avgmax"):
        model.reset_classifier(5, pool)
        actual = [m.pool_type for m in model.modules() if isinstance(m, SelectAdaptivePool2d)]
        assert actual == [pool or "max"]
        assert (model.forward_head(features).shape, model.num_classes) == ((2, 5), 5)
        hidden = model.forward_head(features, pre_logits=True)
        last = model.get_classifier()
        assert hidden.shape == (2, model.head_hidden_size) == (2, last.weight.shape[1])
    model.reset_classifier(0, "")
    assert model.forward_head(features).shape == features.shape


@pytest.mark.slow
@every_name
def test_features_only_of_every_name_matches_feature_info(name: str) -> None:
    model = sketch(name, features_only=True)
    info, size = model.feature_info, pixels(name) - unpadded(model)
    for feature, entry in zip(model(blank(name)), info.get_dicts(), strict=True):
        assert feature.shape[:2] == (2, entry["num_chs"])
        sides = zip(feature.shape[2:], reductions(entry), strict=True)
        if least_pixels(name):
            assert all(0 < side <= size // reduction for side, reduction in sides)
        else:
            assert all(fits(side, size, reduction) for side, reduction in sides)
    actual = [{key: value for key, value in e.items() if key != "index"} for e in info.get_dicts()]
    assert actual == whole(name).feature_info
    assert info.reduction() == [min(reductions(entry)) for entry in actual]
    head = whole(name).get_classifier(name_only=True).split(".")[0]
    assert not [key for key in model.state_dict() if key.startswith((head, f"model.{head}"))]


@every_name
@pytest.mark.parametrize("coarse", [True, False])
def test_group_matcher_of_every_name_covers_parameters(name: str, coarse: bool) -> None:
    """The stem, every stage (or block), and at last what follows: each a group of its own."""
    model = whole(name)
    parts = model.stage_names
    if model.group_matcher() != model.group_matcher(coarse=True) and not coarse:
        parts = [f"{part}.{i}" for part in parts for i in range(len(getattr(model, part)))]
    head = model.get_classifier(name_only=True).split(".")[0]
    groups = group_parameters(model, model.group_matcher(coarse=coarse))
    stem, tail = [*model.stem_names, "maxpool"], [*model.tail_names, head]
    expected = [stem, *([part] for part in parts), tail]
    if not any(len([*model.get_submodule(name).parameters()]) for name in stem):
        expected.pop(0)
    for keys, prefixes in zip(groups.values(), expected, strict=True):
        assert keys
        assert all(key.startswith(tuple(f"{prefix}." for prefix in prefixes)) for key in keys)
    assert sorted(chain(*groups.values())) == sorted(dict(model.named_parameters()))


@every_name
def test_pretrained_cfg_of_every_name_matches_layers(name: str) -> None:
    model = whole(name)
    cfg = model.pretrained_cfg
    last = model.get_submodule(cfg["classifier"])
    first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    chans = cfg["input_size"][0]
    assert chans == len(cfg["mean"]) == len(cfg["std"])
    if cfg["first_conv"]:
        assert first is model.get_submodule(cfg["first_conv"])
    assert bool(cfg["first_conv"]) == (first.in_channels == chans)  # else it sees no image
    assert last is model.get_classifier()
    assert last.weight.shape[0] == cfg["num_classes"] == model.num_classes


# Every class


@pytest.mark.parametrize("target", TARGETS)
def test_constructor_of_every_class_is_keyword_only_and_typed(target: str) -> None:
    actual = ARGUMENTS[target]
    assert {p.kind for p in actual.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(p.annotation is not inspect.Parameter.empty for p in actual.values())
    assert len(actual) <= 8
    assert {"num_classes", "in_chans", "global_pool", "drop_rate"} <= set(actual)


REFUSED = [
    (target, argument, value, rule)
    for target, actual in ARGUMENTS.items()
    for argument, value, rule in [
        ("depth", 27, r"depth.*(Sec\.|Table) \d.* not 27"),
        *((p, "X", rf"{p}.* must be one of .*, not 'X'") for p in ("shortcut", "padding")),
    ]
    if argument in actual
]


@pytest.mark.parametrize(("target", "argument", "value", "rule"), REFUSED)
def test_constructor_invalid_argument_names_rule(
    target: str, argument: str, value: Any, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        sketch(TARGETS[target], **{argument: value})
