"""timm's contract of an image classifier, for every name: a family is tested by being there.

every name on the meta device: shapes, keys, configurations
every class, small, with drawn weights: values
the bridge: `import zoo.timm`
"""

import copy
import inspect
import pickle
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.layers import DropPath
from timm.models import group_parameters, save_for_hf
from torch import Tensor, nn

import zoo.timm as bridge
from tests.golden.fill import fill, images, layers_of
from zoo import literature, registry

ENTRIES = registry.variants()
TARGETS = {entry.target: name for name, entry in reversed(ENTRIES.items())}  # the first name of it
ARGUMENTS = {
    target: inspect.signature(registry.load_class(target)).parameters for target in TARGETS
}
DEEP = ("resnet1001", "resnet1202")
LARGE = 15e6  # parameters

slow = pytest.mark.slow
every_name = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=slow if name.endswith(DEEP) else ()) for name in ENTRIES]
)


def pixels(name: str) -> int:
    return min(ENTRIES[name].cfg["input_size"][1], 64)


def sketch(name: str, **args: Any) -> Any:
    """A network without values."""
    return registry.network(name, device="meta", **args).eval()


def blank(name: str, channels: int = 3) -> Tensor:
    return torch.zeros(2, channels, pixels(name), pixels(name), device="meta")


# Every name


@every_name
def test_head(name: str) -> None:
    model, x = sketch(name, num_classes=7, in_chans=1, global_pool="max"), blank(name, 1)
    features = model.forward_features(x)
    assert features.shape[:2] == (2, model.num_features)
    assert (model(x).shape, model.num_classes) == ((2, 7), 7)
    assert model.get_classifier() is model.get_submodule(model.get_classifier(name_only=True))
    for pool in (None, "avg", "catavgmax"):
        model.reset_classifier(5, pool)
        assert model.global_pool.pool_type == pool or "max"
        assert model.forward_head(features).shape == (2, 5)
        hidden = model.forward_head(features, pre_logits=True)
        assert hidden.shape == (2, model.head_hidden_size) == (2, model.fc.in_features)
    model.reset_classifier(0, "")
    assert model.forward_head(features).shape == features.shape


@every_name
def test_no_head(name: str) -> None:
    model = sketch(name, num_classes=0, global_pool="")
    assert model(blank(name)).shape == model.forward_features(blank(name)).shape
    model.reset_classifier(0, "avg")
    assert model(blank(name)).shape == (2, model.num_features)
    assert not list(model.get_classifier().parameters())


@every_name
def test_features_only(name: str) -> None:
    model, x = sketch(name, features_only=True), blank(name)
    info, size = model.feature_info, pixels(name)
    shapes = [(2, c, size // r, size // r) for c, r in zip(info.channels(), info.reduction())]
    assert [tuple(feature.shape) for feature in model(x)] == shapes
    assert info.info == sketch(name).feature_info
    assert [model.model.get_submodule(module) for module in info.module_name()]
    assert not list(model.model.fc.parameters())


@every_name
def test_parameter_groups(name: str) -> None:
    model = sketch(name)
    stages, stem = model.feature_info[1:], list(model.stem_names)
    blocks = [f"{s['module']}.{i}" for s in stages for i in range(len(getattr(model, s["module"])))]
    for coarse, middle in ((True, [stage["module"] for stage in stages]), (False, blocks)):
        groups = group_parameters(model, model.group_matcher(coarse=coarse))
        prefixes = [stem, *([part] for part in middle), [*model.tail_names, "fc"]]
        assert len(groups) == len(prefixes)
        for found, wanted in zip(groups.values(), prefixes, strict=True):
            assert found
            assert all(key.startswith(tuple(f"{prefix}." for prefix in wanted)) for key in found)
        assert sorted(chain(*groups.values())) == sorted(dict(model.named_parameters()))


@every_name
def test_pretrained_cfg(name: str) -> None:
    model, cfg = sketch(name), sketch(name).pretrained_cfg
    first, last = (model.get_submodule(cfg[key]) for key in ("first_conv", "classifier"))
    assert first.in_channels == cfg["input_size"][0] == len(cfg["mean"]) == len(cfg["std"])
    assert last is model.get_classifier()
    assert last.out_features == cfg["num_classes"] == model.num_classes
    reduction = model.feature_info[-1]["reduction"]
    assert cfg["pool_size"] == tuple(size // reduction for size in cfg["input_size"][1:])


# Every class


@pytest.mark.parametrize("target", TARGETS)
def test_constructor(target: str) -> None:
    found = ARGUMENTS[target]
    assert {p.kind for p in found.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(p.annotation is not inspect.Parameter.empty for p in found.values())
    assert len(found) <= 8
    assert {"num_classes", "in_chans", "global_pool", "drop_rate"} <= set(found)


REFUSED = [
    (target, argument, value, rule)
    for target, found in ARGUMENTS.items()
    for argument, value, rule in [
        ("depth", 27, r"depth.*(Sec\.|Table) \d.* not 27"),
        *((p, "X", rf"{p}.* must be one of .*, not 'X'") for p in ("shortcut", "padding")),
    ]
    if argument in found
]


@pytest.mark.parametrize(("target", "argument", "value", "rule"), REFUSED)
def test_a_bad_argument_names_the_rule(target: str, argument: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        sketch(TARGETS[target], **{argument: value})


def small(target: str) -> tuple[str, dict[str, Any]]:
    """The network of a class with the least depth from 12 layers: two units or more in a stage."""
    for depth in range(12, 60) if "depth" in ARGUMENTS[target] else ():
        try:
            sketch(TARGETS[target], depth=depth)
        except ValueError:
            continue
        return TARGETS[target], {"depth": depth}
    return TARGETS[target], {}


SMALL = {target: small(target) for target in TARGETS}
SIZES = {
    target: sum(p.numel() for p in sketch(name, **args).parameters())
    for target, (name, args) in SMALL.items()
}
every_class = pytest.mark.parametrize(
    "target", [pytest.param(t, marks=slow if SIZES[t] > LARGE else ()) for t in TARGETS]
)


def real(target: str, **args: Any) -> Any:
    """A small network of a class, in float64 and eval mode, its weights always the same."""
    name, least = SMALL[target]
    model = sketch(name, **least, num_classes=7, **args).to_empty(device="cpu")
    fill(layers_of(model))
    return model


def example(target: str) -> Tensor:
    return images(pixels(SMALL[target][0]))


def train(model: Any) -> Any:
    """Train mode, but BatchNorm in eval mode: whatever changes is drawn."""
    for module in model.train().modules():
        module.train(not isinstance(module, nn.BatchNorm2d))
    return model


def close(found: Any, wanted: Any, rtol: float = 1e-10) -> None:
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=rtol * float(wanted.abs().max()))


@every_class
def test_features(target: str) -> None:
    """What a hook sees at the modules that feature_info names is what every way gives."""
    model, x, seen = real(target), example(target), []
    for info in model.feature_info:
        hook = lambda module, args, output: seen.append(output.clone())  # noqa: E731
        model.get_submodule(info["module"]).register_forward_hook(hook)
    with torch.inference_mode():
        logits, hooked = model(x), list(seen)
        final, taken = model.forward_intermediates(x)
        getter = real(target, features_only=True)
        last = len(hooked) - 1
        some = model.forward_intermediates(
            x, [0, last - 1], stop_early=True, intermediates_only=True
        )
        assert torch.equal(model.forward_head(final), logits)
        assert torch.equal(final, model.forward_features(x))
        for ways in zip(hooked, taken, getter(x), strict=True):
            assert torch.equal(ways[0], ways[1])
            assert torch.equal(ways[0], ways[2])
        assert [torch.equal(a, hooked[i]) for a, i in zip(some, [0, last - 1])] == [True, True]
        normed = model.forward_intermediates(x, 1, norm=True, intermediates_only=True)
        assert len(normed) == 1
        assert torch.equal(normed[0], final)
    with pytest.raises(ValueError, match="output_fmt must be 'NCHW'"):
        model.forward_intermediates(x, output_fmt="NLC")
