"""Values of every class, small and with random weights, in float64.

features   head   rates   gradients   compilation (copies, formats and export: test_battery.py)
"""

import inspect
from itertools import chain
from typing import Any

import pytest
import torch
from timm.layers import DropPath
from torch import Tensor, nn

from tests.conftest import backbone
from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_classifier_contract import (
    ARGUMENTS,
    ENTRIES,
    TARGETS,
    channels,
    pixels,
    sketch,
    slow,
)
from zoo.models._builder import load_class

LARGE = 2e6  # parameters
NARROW = {
    "cardinality": 2,
    "base_width": 16,
    "slice_width": 8,
    "scale": 3,
    "init_features": 16,
    "growth_rates": (8, 16, 8, 16, 8),
    "downsample": (1, 2, 4),
    "layers": 3,
    "channels": (8, 12, 16),
    "stages": ((2, 4), (2, 4), (2, 4), (2, 4)),
    "solver": {"method": "euler", "steps": 1},  # adaptive steps are in no graph
    "widths": (24, 32, 48, 64),
    "size": "S3",
    "img_size": 64,
    "stage_blocks": (2, 1, 1, 1),
    "setting": "2s2x16d",
    "columns": 2,
    "repeats": (1, 1, 2),
    "multiplier": 0.4,
    "filters": 32,
    "blocks": (3, 2, 2),
    "fusions": 0,
}


# Of DropPath the same rate everywhere, as in the authors' code.
CONSTANT_RATE = {"zoo.models.resmlp.model:ResMLP", "zoo.models.parallel_vit.model:ParallelViT"}
UNSEEING = {  # weights that zeros alone are multiplied by
    "zoo.models.i_revnet.model:CifarIRevNet": (
        "stages.0.blocks.0.conv1.weight",
        "stages.0.blocks.0.bn2.weight",
    ),
}


def same_kind(value: object, own: object) -> bool:
    """True unless one is a number and the other is not: blocks in all, or of each stage."""
    number = int | float
    unknown = own is None or own is inspect.Parameter.empty
    return unknown or isinstance(value, number) == isinstance(own, number)


def small(target: str) -> tuple[str, dict[str, Any]]:
    """The network of a class with the least depth from 12 layers: two units or more in a stage."""
    own = {key: p.default for key, p in ARGUMENTS[target].items()} | ENTRIES[TARGETS[target]].args
    narrow = {k: value for k, value in NARROW.items() if k in own and same_kind(value, own[k])}
    for depth in range(12, 60) if "depth" in ARGUMENTS[target] else ():
        try:
            sketch(TARGETS[target], depth=depth, **narrow)
        except ValueError:
            continue
        return TARGETS[target], {"depth": depth, **narrow}
    return TARGETS[target], narrow


SMALL = {target: small(target) for target in TARGETS}
SIZES = {
    target: sum(p.numel() for p in sketch(name, **args).parameters())
    for target, (name, args) in SMALL.items()
}
BY_SIZE = sorted(TARGETS, key=SIZES.__getitem__)


def family_of(target: str) -> str:
    """The part of a class's module that says its family."""
    return target.split(".")[2]


FAMILIES = {family_of(target) for target in TARGETS if SIZES[target] <= LARGE}
CHOSEN = {  # small classes, and the smallest of each family that has none
    *(target for target in TARGETS if SIZES[target] <= LARGE),
    *{family_of(t): t for t in reversed(BY_SIZE) if family_of(t) not in FAMILIES}.values(),
}
QUICK = {backbone(t): t for t in reversed(BY_SIZE) if SIZES[t] <= LARGE}.values()
every_class = pytest.mark.parametrize(
    "target",
    [pytest.param(t, marks=() if t in QUICK else slow) for t in TARGETS if t in CHOSEN],
)


def real(target: str, **args: Any) -> Any:
    """A small network of a class, in float64 and eval mode, its weights always the same."""
    name, least = SMALL[target]
    model = sketch(name, **{**least, "num_classes": 7, **args}).to_empty(device="cpu").double()
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():  # of layers that `fill` does not know
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    generator.manual_seed(1)
    for buffer in model.buffers():
        if buffer.is_floating_point():
            torch.nn.init.uniform_(buffer, 0.1, 0.3, generator=generator)
    fill(layers_of(model))
    return model


def example(target: str) -> Tensor:
    name, args = SMALL[target]
    return images(args.get("img_size", pixels(name)), channels=channels(name))


def train(model: Any) -> Any:
    """Train mode, but BatchNorm in eval mode: whatever changes is drawn."""
    for module in model.train().modules():
        module.train(not hasattr(module, "running_mean"))
    return model


def equal(actual: Any, expected: list[Tensor]) -> None:
    assert [torch.equal(a, b) for a, b in zip(actual, expected, strict=True)] == [True] * len(
        expected
    )


def close(actual: Tensor, expected: Tensor, rtol: float = 1e-10) -> None:
    atol = rtol * expected.detach().abs().max().item()
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol)


@every_class
def test_forward_intermediates_equals_hooked_outputs(target: str) -> None:
    """Hooks at the modules of feature_info see the features that every other way returns."""
    model, x = real(target), example(target)
    seen: list[Tensor] = []
    for info in model.feature_info:
        module = model.get_submodule(info["module"])
        module.register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    logits = model(x)
    hooked, ends = list(seen), [0, len(seen) - 2]
    final, taken = model.forward_intermediates(x)
    assert torch.equal(model.forward_head(final), logits)
    assert torch.equal(model.forward_head(model.forward_features(x)), logits)
    equal(taken, hooked)
    equal(real(target, features_only=True)(x), hooked)
    equal(real(target, features_only=True, out_indices=ends)(x), [hooked[i] for i in ends])
    seen.clear()
    some = model.forward_intermediates(x, ends, stop_early=True, intermediates_only=True)
    equal(some, [hooked[i] for i in ends])
    assert len(seen) == len(hooked) - 1  # the last stage did not run
    equal(model.forward_intermediates(x, 1, norm=True, intermediates_only=True), [final])
    with pytest.raises(ValueError, match="output_fmt must be 'NCHW'"):
        model.forward_intermediates(x, output_fmt="NLC")


@every_class
def test_model_zero_classes_returns_pooled_features(target: str) -> None:
    model, x = real(target), example(target)
    features = model.forward_features(x)
    pooled, bare = real(target, num_classes=0), real(target, num_classes=0, global_pool="")
    assert not list(pooled.get_classifier().parameters())
    close(pooled(x), model.forward_head(features, pre_logits=True))
    assert bare(x).shape == features.shape
    if features.shape[-1] > 1 and model.get_classifier(name_only=True) == "fc":
        # else the features are tokens, or a norm follows the pooling
        assert torch.equal(bare(x), features)
        close(pooled(x), features.mean((2, 3)))
        close(real(target, num_classes=0, global_pool="max")(x), features.amax((2, 3)))


RATES = [
    pytest.param(target, rate, marks=() if target in QUICK else slow)
    for target, actual in ARGUMENTS.items()
    if target in CHOSEN
    for rate in ("drop_rate", "drop_path_rate")
    if rate in actual
]


@pytest.mark.parametrize(("target", "rate"), RATES)
def test_drop_rates_change_output_only_in_training(target: str, rate: str) -> None:
    x, expected = example(target), real(target)(example(target))
    model = real(target, **{rate: 0.5})
    assert torch.equal(model(x), expected)
    assert torch.equal(train(real(target))(x), expected)
    torch.manual_seed(0)
    assert not torch.allclose(train(model)(x), expected)
    if rate == "drop_path_rate":  # it grows with the depth, from none, or is always the same
        actual = [m.drop_prob for m in model.modules() if isinstance(m, DropPath)]
        rates = list(dict.fromkeys(actual))  # of several branches the same
        assert rates == pytest.approx([0.5 * (i + 1) / len(rates) for i in range(len(rates))])
        assert (len(rates) == 1 < len(actual)) == (target in CONSTANT_RATE)


def gradients(model: Any, x: Tensor) -> dict[str, Tensor]:
    model.train()(x).square().mean().backward()
    return {key: parameter.grad for key, parameter in model.named_parameters()}


@every_class
def test_grad_checkpointing_gives_same_gradients(target: str) -> None:
    """Every parameter learns; with checkpointing the same, and the blocks run twice.

    Of hard gates, a block that no image passes has no gradient.
    """
    options = {"gating": "soft"} if "gating" in ARGUMENTS[target] else {}
    runs: dict[bool, list[int]] = {True: [], False: []}
    actual = {}
    for enable, seen in runs.items():
        model = real(target, **options)
        model.set_grad_checkpointing(enable)
        parts = chain(*(model.get_submodule(name).modules() for name in model.stage_names))
        layers = [part for part in parts if isinstance(part, nn.Conv2d | nn.Linear)]
        for layer in layers:
            layer.register_forward_hook(lambda *_, seen=seen: seen.append(1))
        actual[enable] = gradients(model, example(target))
    assert len(runs[True]) > len(runs[False]) >= len(layers)  # more where units share a cell
    for key, expected in actual[False].items():
        assert (expected.abs().max() > 0) == (key not in UNSEEING.get(target, ())), key
        close(actual[True][key], expected)


BY_TRUNK = {  # the smallest class of each
    load_class(target).__mro__[1]: target for target in reversed(BY_SIZE)
}


@slow
@pytest.mark.parametrize("target", sorted(BY_TRUNK.values(), key=SIZES.__getitem__)[:2])
def test_model_compile_inductor_matches_eager_gradients(target: str) -> None:
    """By inductor, which needs a C compiler, in training too. Its erf is good to some 1e-8."""
    model, x = real(target), example(target)
    torch.compiler.reset()
    expected = gradients(model, x)
    model.zero_grad()
    actual = gradients(torch.compile(real(target), fullgraph=True), x)
    rounding = 1e-12 * max(gradient.abs().max() for gradient in expected.values())
    for key, gradient in actual.items():
        reference = expected[key.removeprefix("_orig_mod.")]
        if max(gradient.abs().max(), reference.abs().max()) > rounding:  # a key's bias has no more
            close(gradient, reference, rtol=1e-6)
