"""PyramidNet: how wide every unit is, what its shortcut adds, and that wrong units are seen.

The authors' files and pytorchcv are in test_all_parity.py and test_all_peer_libraries.py.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
import torch
from pytorchcv.models.pyramidnet import pyramidnet101_a360
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, golden_error, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models._registry import get_entry, model_entries, stored_counts
from zoo.models.pyramidnet.units import PyramidUnit, basic, bottleneck, pyramid
from zoo.modules.stages import DEPTHS

# README of the authors' code: features before the classifier. What paper.toml says of the sums, in
# units of 10,000: convolutions, convolutions and classifier, all.
README = {
    "pyramidnet110_m4_75": (76, 175, 175, 176),
    "pyramidnet110_a48": (64, 176, 176, 177),
    "pyramidnet110_m8": (128, 386, 386, 388),
    "pyramidnet110_a84": (100, 388, 389, 390),
    "pyramidnet110_m27": (432, 2832, 2832, 2836),
    "pyramidnet110_a270": (286, 2843, 2844, 2849),
    "pyramidnet164_a48": (256, 167, 167, 172),
    "pyramidnet164_a84": (400, 369, 369, 376),
    "pyramidnet164_a270": (1144, 2704, 2705, 2722),
    "pyramidnet200_a240": (1024, 2656, 2657, 2675),
    "pyramidnet236_a220": (944, 2676, 2677, 2697),
    "pyramidnet272_a200": (864, 2599, 2600, 2621),
    "pyramidnet200_a300": (1456, 6063, 6208, 6237),
    "pyramidnet200_a450": (2056, 11433, 11639, 11678),
    "pyramidnet101_a360": (1696, 4059, 4229, 4246),
}
STAGES = 18, 18, 18


def formula(name: str) -> tuple[int, int, int]:
    """Parameters of the convolutions, the classifier and the BatchNorms, by hand."""
    entry = get_entry(name)
    args, classes, deep = dict(entry.args), entry.cfg["num_classes"], "Basic" not in entry.target
    depth, (first, window) = args.pop("depth"), (64, 49) if classes == 1000 else (16, 9)
    n = (depth - 2) // (9 if deep else 6)
    depths = DEPTHS[depth] if classes == 1000 else (n, n, n)
    c_in, convs, norms = first, 3 * window * first, 2 * first
    for width in chain(*pyramid(depths, first=first, **args)):
        if deep:
            convs += c_in * width + 9 * width**2 + 4 * width**2
            norms += 2 * (c_in + 6 * width)
        else:
            convs += 9 * (c_in * width + width**2)
            norms += 2 * (c_in + 2 * width)
        c_in = (4 if deep else 1) * width
    return convs, (c_in + 1) * classes, norms + 2 * c_in


@pytest.mark.parametrize("name", README)
def test_stored_counts_params_match_formula_and_readme(name: str) -> None:
    convs, classifier, norms = formula(name)
    counts = stored_counts(get_entry(name))
    assert convs + classifier + norms == counts["params"]
    actual = [round(n / 10_000) for n in (convs, convs + classifier, convs + classifier + norms)]
    assert actual == list(README[name][1:])


@pytest.mark.parametrize("name", ["pyramidnet110_m8", "pyramidnet272_a200", "pyramidnet200_a450"])
def test_build_model_num_features_match_readme(name: str) -> None:
    model: Any = build_model(name, device="meta")
    assert model.num_features == README[name][0]
    convs = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert sum(p.numel() for m in convs for p in m.parameters()) == formula(name)[0]


@pytest.mark.parametrize("name", README)
def test_build_model_last_width_follows_alpha(name: str) -> None:
    """The README's output feature dimension: 16 + alpha, 64 + alpha; four times as much."""
    entry = get_entry(name)
    first = 64 if entry.cfg["num_classes"] == 1000 else 16
    last = first + entry.args["alpha"]
    if "widening" in entry.args:
        last = first * entry.args["alpha"]
    assert README[name][0] == last * (1 if "Basic" in entry.target else 4)


def test_registry_names_equal_readme_names() -> None:
    assert {name for name in model_entries() if name.startswith("pyramidnet")} == set(README)


@pytest.mark.parametrize(
    ("alpha", "widening"), [(48, "additive"), (270, "additive"), (27, "multiplicative")]
)
def test_pyramid_widths_grow_by_alpha_per_unit(alpha: float, widening: str) -> None:
    """They grow by alpha / N, or by its N-th root, from 16; to a filter, from unit to unit."""
    stages = pyramid(STAGES, alpha, first=16, widening=widening)
    assert [len(stage) for stage in stages] == [18, 18, 18]
    widths, exact = [16, *chain(*stages)], 16.0
    for width in widths[1:]:
        exact = exact + alpha / 54 if widening == "additive" else exact * alpha ** (1 / 54)
        assert abs(width - exact) <= 0.5 + 1e-9
    assert widths == sorted(widths)
    assert widths[-1] == (16 + alpha if widening == "additive" else 16 * alpha)


def test_pyramid_accumulated_rounding_would_not_widen() -> None:
    width = 16
    for _ in range(54):
        width = int(width + 48 / 54)
    assert width == 16 < pyramid(STAGES, 48, first=16)[0][0]


def unit(make: Callable[..., PyramidUnit], stride: int) -> PyramidUnit:
    block = make(16, 20, stride, 0.0)
    fill(layers_of(block))
    return block.eval().requires_grad_(False)


def branch(block: PyramidUnit, x: Tensor) -> Tensor:
    """BN conv, then BN ReLU conv, then BN."""
    for i in range(1, block.convolutions + 1):
        norm, conv = block.get_submodule(f"bn{i}"), block.get_submodule(f"conv{i}")
        x = conv(norm(x).relu() if i > 1 else norm(x))
    return block.get_submodule(f"bn{block.convolutions + 1}")(x)


@pytest.mark.parametrize("make", [basic, bottleneck])
@pytest.mark.parametrize("stride", [1, 2])
def test_pyramid_unit_pads_new_channels_with_zeros(
    make: Callable[..., PyramidUnit], stride: int
) -> None:
    block, x = unit(make, stride), images(8, channels=16)
    skip = x if stride == 1 else x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    added = block(x) - branch(block, x)
    torch.testing.assert_close(added[:, :16], skip, rtol=1e-12, atol=1e-12)
    assert added.shape[1] == (20 if make is basic else 80)
    assert not added[:, 16:].abs().gt(1e-12).any()


@pytest.mark.parametrize("size", [7, 9])
def test_pyramid_unit_odd_size_rounds_up(size: int) -> None:
    """Both paths round up; a last row is averaged by itself."""
    block, x = unit(basic, 2), images(size, channels=16)
    out = block(x) - branch(block, x)
    assert out.shape[2:] == (size // 2 + 1,) * 2
    last = (x[:, :, -1, 0] + x[:, :, -1, 1]) / 2
    torch.testing.assert_close(out[:, :16, -1, 0], last, rtol=1e-12, atol=1e-12)


# Wrong in one place


def units(model: nn.Module) -> list[PyramidUnit]:
    return [m for m in model.modules() if isinstance(m, PyramidUnit)]


def activate_first(model: nn.Module) -> None:
    """As the pre-activation unit has it."""
    for block in units(model):
        block.bn1 = nn.Sequential(block.get_submodule("bn1"), nn.ReLU())


def no_last_norm(model: nn.Module) -> None:
    for block in units(model):
        block.set_submodule(f"bn{block.convolutions + 1}", nn.Identity())


def skip_pixels(model: nn.Module) -> None:
    """As option A of 1512.03385: every second pixel instead of an average."""
    for block in units(model):
        if block.stride == 2:
            block.downsample[0] = nn.AvgPool2d(1, 2)


def zeros_in_front(model: nn.Module) -> None:
    for block in units(model):
        for padding in block.downsample.modules():
            if hasattr(padding, "before"):
                padding.before, padding.after = padding.after, padding.before


def activated_stem(model: Any) -> None:
    model.bn1 = nn.Sequential(model.bn1, nn.ReLU())


def stride_first(model: nn.Module) -> None:
    for block in units(model):
        block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


CHANGES = [activate_first, no_last_norm, skip_pixels, zeros_in_front, activated_stem, stride_first]


@pytest.mark.parametrize("change", CHANGES)
def test_forward_one_wrong_detail_differs_from_golden(change: Callable[[nn.Module], None]) -> None:
    assert golden_error("pyramidnet-pyramidnet164_a48", change) > WRONG


@pytest.mark.slow
def test_forward_imagenet_matches_pytorchcv() -> None:
    other = pyramidnet101_a360().eval()
    fill(layers_of(other))
    assert relative_error(logits(ours("pyramidnet101_a360"), 224, 1), logits(other, 224, 1)) <= SAME


@pytest.mark.parametrize(
    ("name", "args", "rule"),
    [
        ("pyramidnet110_a48", {"widening": "X"}, "widening .* additive, multiplicative, not 'X'"),
        ("pyramidnet110_a48", {"alpha": 0}, "alpha must widen .* not 0"),
        ("pyramidnet110_m8", {"alpha": 1}, "alpha must widen .* not 1"),
        ("pyramidnet272_a200", {"depth": 116}, "9N \\+ 2 .* not 116"),
        ("pyramidnet200_a300", {"depth": 34}, "depth .* 50, 101, 152, 200, not 34"),
    ],
)
def test_build_model_invalid_args_raises(name: str, args: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        build_model(name, device="meta", **args)
