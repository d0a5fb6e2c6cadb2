"""Every super-resolution network: shapes, casts, compilers (copies and export: test_battery.py).

Small, with drawn weights, in float64.
"""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from tests.conftest import class_of, one_of_a_kind
from tests.golden.fill import fill, layers_of
from zoo.claims import counts
from zoo.models._builder import build_model, load_class
from zoo.models._registry import model_entries
from zoo.modules.super_resolution import MeanShift

ENTRIES = {n: e for n, e in model_entries().items() if e.task == "super-resolution"}
TARGETS = {entry.target: name for name, entry in reversed(ENTRIES.items())}
ARGUMENTS = {target: inspect.signature(load_class(target)).parameters for target in TARGETS}
NARROW = {"groups": 2, "blocks": 2, "channels": 8, "reduction": 4}
every_class = pytest.mark.parametrize("target", TARGETS)


def real(target: str, **args: Any) -> Any:
    """A small network of a class in float64 and eval mode, its weights always the same."""
    narrow = {key: value for key, value in NARROW.items() if key in ARGUMENTS[target]}
    if ENTRIES[TARGETS[target]].args.get("groups") is None and "scales" in ARGUMENTS[target]:
        narrow.pop("groups", None)
    model = build_model(TARGETS[target], **{**narrow, **args}).double().eval()
    fill(layers_of(model))
    for module in model.modules():
        if isinstance(module, MeanShift):  # as if a checkpoint had drifted
            module.weight.data += 0.01 * torch.linspace(-1, 1, 9).view(3, 3, 1, 1).to(module.weight)
            module.bias.data += 0.01 * torch.tensor([1.0, -1.0, 0.5]).to(module.bias)
    return model


def photo(height: int = 9, width: int = 11) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, height, width, generator=generator, dtype=torch.float64)


def close(actual: Tensor, expected: Tensor, rtol: float = 1e-10) -> None:
    atol = rtol * expected.detach().abs().max().item()
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", one_of_a_kind(ENTRIES, class_of))
def test_forward_of_every_name_scales_height_and_width(name: str) -> None:
    model: Any = build_model(name, device="meta")
    for scale in model.scales:
        for height, width in ((9, 11), (1, 1)):
            x = torch.empty(2, 3, height, width, device="meta")
            output = model(x, scale=scale) if len(model.scales) > 1 else model(x)
            assert output.shape == (2, 3, scale * height, scale * width)
    assert model.scale in model.scales
    cfg = model.pretrained_cfg
    assert cfg["architecture"] == name
    assert cfg["input_size"] == (3, 720 // model.scale, 1280 // model.scale)


@every_class
def test_constructor_of_every_class_is_keyword_only_and_typed(target: str) -> None:
    actual = ARGUMENTS[target]
    assert {p.kind for p in actual.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(p.annotation is not inspect.Parameter.empty for p in actual.values())
    assert len(actual) <= 8
    with pytest.raises(ValueError, match=r"scale.* not (0|7)"):
        build_model(TARGETS[target], scale=0 if target.endswith("Bicubic") else 7)
    with pytest.raises(ValueError, match="takes no 'features_only'"):
        build_model(TARGETS[target], features_only=True)


@pytest.mark.parametrize("target", [t for t in TARGETS if "scales" in ARGUMENTS[t]])
def test_forward_scale_argument_equals_model_of_that_scale(target: str) -> None:
    for scale in (2, 3, 4):
        close(real(target)(photo(), scale=scale), real(target, scale=scale)(photo()))
    with pytest.raises(ValueError, match="scale must be one that the network has \\(2, 3\\)"):
        build_model(TARGETS[target], scale=4, scales=(2, 3))


@every_class
def test_forward_leaves_input_unchanged(target: str) -> None:
    x, model = photo(), real(target)
    before = x.clone()
    assert torch.equal(model(x), model(x))
    assert torch.equal(x, before)


@every_class
def test_backward_reaches_every_parameter_but_mean_shift(target: str) -> None:
    model = real(target).train()
    model(photo()).square().mean().backward() if list(model.parameters()) else None
    for key, parameter in model.named_parameters():
        fixed = key.startswith(("sub_mean.", "add_mean."))
        used = fixed or parameter.grad is not None or ".x" in key or "pre_process" in key
        # of the scales that were not asked for, and a layer of DRLN that nothing reads
        assert used or key.startswith(("upsample.", "body.fusions.3.")), key
        assert parameter.requires_grad != fixed, key


def test_mean_shift_cast_to_bf16_stays_float32() -> None:
    """The mean is in float32: 114.444, of 255 levels, is 114.5 in bf16."""
    shift = MeanShift((0.4488 * 255, 0.0, 0.0)).bfloat16()
    assert shift.bias.dtype == torch.float32
    assert abs(float(shift.bias[0].bfloat16()) - 0.4488 * 255) > 0.05
    zeros = torch.zeros(1, 3, 1, 1, dtype=torch.bfloat16)
    assert float(shift(zeros)[0, 0]) == pytest.approx(0.4488 * 255, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["carn_m", "srresnet_x4"])
def test_compile_inductor_matches_eager(name: str) -> None:
    model, x = real(class_of(name)), photo()
    torch.compiler.reset()
    with torch.no_grad():
        close(torch.compile(model, fullgraph=True)(x), model(x), rtol=1e-6)


def test_count_params_with_and_without_mean_shift_matches() -> None:
    """With the mean shifts, as the authors' code counts, and without."""
    for name, learned in (
        ("rcan_x2", 15_444_643),
        ("rcan_x3", 15_629_283),
        ("rcan_x4", 15_592_355),
        ("rcan_x8", 15_740_067),
        ("edsr_baseline_x2", 1_369_859),
        ("edsr_x4", 43_089_923),
        ("carn", 1_591_939),
        ("carn_m", 414_787),
        ("drln_x3", 34_614_771),
    ):
        actual = list(build_model(name, device="meta").parameters())
        assert sum(p.numel() for p in actual) == learned + 24
        assert sum(p.numel() for p in actual if p.requires_grad) == learned


def test_batchnorm_is_used_by_srresnet_only() -> None:
    for name in ENTRIES:
        layers = build_model(name, device="meta").modules()
        assert any(isinstance(m, nn.BatchNorm2d) for m in layers) == name.startswith("srresnet")


def test_super_resolution_names_are_not_classifiers() -> None:
    from zoo.models._timm import names

    assert not set(ENTRIES) & set(names)
    with pytest.raises(ValueError, match=r"is no classifier of images; see zoo\.upscale"):
        zoo.transform(build_model("rcan_tiny_x2"))
    described = zoo.describe("rcan_x3")
    assert (described.num_classes, described.input_size) == (None, (3, 240, 426))
    assert zoo.list_models("rcan_x*", task="super-resolution") == [
        "rcan_x2",
        "rcan_x3",
        "rcan_x4",
        "rcan_x8",
    ]


def test_count_macs_of_carn_uses_full_1280x720_output() -> None:
    """x3 makes 1278x720 of whole pixels; CARN's 118.8 G (Table 2) are for all of them."""
    whole = counts.count_model("carn", '{"scale": 3}', 0).macs
    small = counts.count_model("carn_x2", "{}", 0).macs
    sizes = {720 * 1278: 118_604_943_360, 720 * 1280: whole}
    assert len({round(macs / pixels) for pixels, macs in sizes.items()}) == 1
    assert (round(whole / 1e8), round(small / 1e8)) == (1188, 2228)
