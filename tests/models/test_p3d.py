"""P3D ResNets: the authors' prototxt, wrong variants, what units are without BatchNorm, claims."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.fill import clips, fill, layers_of
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models.p3d.model import P3D
from zoo.models.p3d.units import MIXES, Unit

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "p3d.json").read_text("utf-8"))
ARGUMENTS: dict[str, dict[str, Any]] = {
    "p3d199": {},
    "p3d199_flow": {"in_chans": 2},
    "p3d199_sports1m": {"num_classes": 487},
}
SMALL: dict[str, Any] = {"depth": 63, "filters": 4, "num_classes": 5}


def error(name: str, change: Callable[[Any], object] = lambda network: None) -> float:
    """Largest difference from the authors' logits, which are up to 1,000."""
    network = P3D(filters=8, **ARGUMENTS[name]).eval()
    fill(layers_of(network))
    change(network)
    golden = GOLDEN["nets"][name]
    with torch.inference_mode():
        logits = network(clips(golden["channels"], batch=1))[:, :10]
    return float((logits - torch.tensor(golden["logits"], dtype=torch.float64)).abs().max())


@pytest.mark.parametrize(
    "name",
    ["p3d199", *(pytest.param(n, marks=pytest.mark.slow) for n in list(ARGUMENTS)[1:])],
)
def test_logits_equal_authors_prototxt(name: str) -> None:
    assert error(name) < 1e-9


def units(network: Any, kind: str) -> list[Any]:
    return [u for u in network.modules() if isinstance(u, Unit) and u.mix is MIXES[kind]]


def mix(kind: str, function: Callable[[Any, Any, Tensor], Tensor]) -> Callable[[Any], None]:
    """Replace what units of one kind do."""

    def change(network: Any) -> None:
        for unit in units(network, kind):
            unit.mix = function

    return change


def first_pixels(network: Any) -> None:
    """Every max-pooling rounds down."""
    for module in network.modules():
        if isinstance(module, nn.MaxPool3d):
            module.ceil_mode = False


def other_order(network: Any) -> None:
    """Units A where B are, and the other way round."""
    for unit in [*units(network, "a"), *units(network, "b")]:
        unit.mix = MIXES["b" if unit.mix is MIXES["a"] else "a"]


WRONG = {
    "no ReLU between S and T": mix("a", lambda s, t, x: t(s(x))),
    "no ReLU after S": mix("b", lambda s, t, x: s(x) + t(x)),
    "a ReLU after T": mix("b", lambda s, t, x: s(x).relu() + t(x).relu()),
    "the sum of the formula": mix("c", lambda s, t, x: s(x).relu() + t(s(x).relu())),
    "pools round down": first_pixels,
    "B, A, C": other_order,
}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG)
def test_logits_of_wrong_variant_are_others(wrong: str) -> None:
    assert error("p3d199", WRONG[wrong]) > 0.1


def test_c_is_the_formula_in_training() -> None:
    """BatchNorm takes the factor of a half out, but for its epsilon."""
    torch.manual_seed(0)
    unit = Unit(8, 8, 2, "c").double().train()
    x = torch.randn(2, 8, 4, 8, 8, dtype=torch.float64)
    halved = unit(x)
    mix("c", lambda s, t, x: s(x).relu() + t(s(x).relu()))(unit)
    torch.testing.assert_close(unit(x), halved, rtol=0, atol=1e-3)


def test_units_with_time_taken_out_are_an_images_unit() -> None:
    """T as the identity: A is S, B is S and the input, C is S, on non-negative maps."""

    def shift(x: Tensor) -> Tensor:
        return x.roll(1, 3)

    x = torch.rand(1, 2, 3, 4, 4)
    same = nn.Identity()
    torch.testing.assert_close(MIXES["a"](shift, same, x), MIXES["2d"](shift, same, x))
    torch.testing.assert_close(MIXES["b"](shift, same, x), shift(x) + x)
    torch.testing.assert_close(MIXES["c"](shift, same, x), shift(x))


def test_frames_of_2d_units_are_apart_until_a_pool() -> None:
    network = P3D(**SMALL, kinds=("2d",)).eval()
    x = torch.randn(1, 3, 4, 32, 32)
    y = x.clone()
    y[:, :, :2] = 0
    first, last = (network.forward_intermediates(z, [0])[1][0] for z in (x, y))
    assert first.shape[2] == 2  # of four frames, pooled once
    assert not torch.equal(first[:, :, 0], last[:, :, 0])
    torch.testing.assert_close(first[:, :, 1], last[:, :, 1])


@pytest.mark.parametrize(
    ("name", "args", "params"),
    [
        ("p3d199", {}, GOLDEN["nets"]["p3d199"]["params"]),
        ("p3d199_flow", {}, GOLDEN["nets"]["p3d199_flow"]["params"]),
        ("p3d199", {"num_classes": 487}, GOLDEN["nets"]["p3d199_sports1m"]["params"]),
    ],
)
def test_parameters_are_those_of_the_prototxts(
    name: str, args: dict[str, Any], params: int
) -> None:
    network = build_model(name, device="meta", **args)
    assert sum(p.numel() for p in network.parameters()) == params
    cfg = pretrained_cfg(network)
    assert (cfg["classes"], cfg["input_size"][1:]) == (args.get("num_classes", 400), (16, 160, 160))
    assert cfg["input_size"][0] == (2 if name.endswith("flow") else 3)


@pytest.mark.parametrize(
    ("frames", "maps"),
    [(16, [8, 4, 2, 1]), (9, [5, 3, 2, 1]), (1, [1, 1, 1, 1]), (32, [16, 8, 4, 2])],
)
def test_time_is_halved_before_every_stage(frames: int, maps: list[int]) -> None:
    network = build_model("p3d63", device="meta").eval()
    x = torch.empty(1, 3, frames, 64, 48, device="meta")
    features, stages = network.forward_intermediates(x)  # type: ignore[operator]
    assert [stage.shape[2] for stage in stages] == maps
    assert features.shape == (1, 2048, maps[-1], 2, 2)
    assert network(x).shape == (1, 400)


def test_head_of_p3d_can_be_reset() -> None:
    network: Any = P3D(**SMALL, drop_rate=0.5).double()
    assert network.get_classifier() is network.fc
    features = network.forward_features(torch.zeros(2, 3, 4, 32, 32, dtype=torch.float64))
    network.reset_classifier(3)
    assert network.forward_head(features).shape == (2, 3)
    assert network.fc.weight.dtype == torch.float64
    assert network.dropout.p == 0.5
    network.reset_classifier(0)
    pooled = network.eval().forward_head(features, pre_logits=True)
    torch.testing.assert_close(network.forward_head(features), pooled)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"depth": 50}, "depth must be one of 63, 131, 199, not 50"),
        ({"kinds": ("d",)}, r"kinds \(Sec. 3.2\) must be one of a, b, c, 2d, not 'd'"),
        ({"kinds": ()}, "kinds must name one unit or more"),
    ],
)
def test_options_out_of_range_raise(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("p3d63", device="meta", **args)


def test_gradients_of_time_in_bf16_are_finite() -> None:
    """torch's own padding in time left undefined numbers in the weight's gradient."""
    unit = Unit(4, 256, 1, "a")
    memory = [torch.full((256, 256, 3), torch.nan) for _ in range(20)]
    del memory
    with torch.autocast("cpu", torch.bfloat16):
        unit(torch.randn(2, 4, 2, 10, 10)).float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in unit.parameters())
