"""Poincare ResNets: hypll's layers and network, the geometry, running statistics, what is wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.record_poincare_resnet import (
    CLASSES,
    DEPTH,
    OUT,
    WIDTH,
    C,
    draw,
    images,
    sample,
)
from tests.support.compare import relative_error
from tests.support.patching import replace_everywhere
from zoo.models._builder import build_model
from zoo.models.poincare_resnet import ball
from zoo.models.poincare_resnet.layers import PoincareBatchNorm2d, PoincareConv2d, PoincareLinear
from zoo.models.poincare_resnet.model import PoincareResNet, moebius_skip

GOLDEN = json.loads(OUT.read_text("utf-8"))
SAME, WRONG = 1e-12, 1e-3


def network() -> Any:
    """The network with the recorder's weights, in training: BatchNorm by the batch."""
    model = PoincareResNet(depth=DEPTH, width=WIDTH, num_classes=CLASSES).double()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    model.load_state_dict(draw(shapes), strict=False)
    return model


def outputs() -> dict[str, Tensor]:
    model, x = network(), images(WIDTH)
    unit = model.layer2[0]
    return {
        "conv": unit.conv1(x),
        "projection": unit.downsample(x),
        "norm": unit.bn1(images(2 * WIDTH)),
        "skip": moebius_skip(x, x.flip(0), C),
        "network": model(images(3)),
    }


def error(name: str, output: Tensor) -> float:
    expected = torch.tensor(GOLDEN[name], dtype=torch.float64)
    return relative_error(torch.tensor(sample(output), dtype=torch.float64), expected)


@torch.no_grad()
def test_layers_and_network_equal_hypll() -> None:
    assert {
        name: error(name, output) <= SAME for name, output in outputs().items()
    } == dict.fromkeys(("conv", "projection", "norm", "skip", "network"), True)


def skip_of(x: Tensor, y: Tensor, c: float) -> Tensor:
    """The skip connection, typed again."""
    return ball.log0(ball.add(ball.exp0(x, c), ball.exp0(y, c), c), c)


def x_first(branch: Tensor, x: Tensor, c: float) -> Tensor:
    """x (+) F for F (+) x."""
    return skip_of(x, branch, c)


def along_width(branch: Tensor, x: Tensor, c: float) -> Tensor:
    """Vectors along the last axis, as in the authors' code."""
    return skip_of(branch.transpose(1, -1), x.transpose(1, -1), c).transpose(1, -1)


def plain_sum(branch: Tensor, x: Tensor, c: float) -> Tensor:
    """Tangent vectors added."""
    return branch + x


def no_scale(n: int) -> float:
    """Vectors of a window joined as they are."""
    return 1.0


def euclidean_mean(x: Tensor, c: float) -> Tensor:
    """The mean of the coordinates."""
    return x.mean((0, 2, 3), keepdim=True)


def no_turn(u: Tensor, w: Tensor, v: Tensor, c: float) -> Tensor:
    """Vectors carried to another point, but not turned."""
    return v


PACKAGE = "zoo.models.poincare_resnet"
WRONG_VARIANTS: list[tuple[str, Callable[..., Any]]] = [
    ("model.moebius_skip", x_first),
    ("model.moebius_skip", along_width),
    ("model.moebius_skip", plain_sum),
    ("layers.beta", no_scale),
    ("ball.midpoint", euclidean_mean),
    ("ball.gyration", no_turn),
]


@torch.no_grad()
@pytest.mark.parametrize(("name", "change"), WRONG_VARIANTS)
def test_wrong_variant_differs_from_hypll(
    name: str, change: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_everywhere(monkeypatch, f"{PACKAGE}.{name}", change)
    model = network()
    assert error("network", model(images(3))) > WRONG


@torch.no_grad()
def test_conformal_factor_of_authors_code_differs_from_hypll() -> None:
    """2 (1 - c |x|^2), where the formula divides: seen in a layer without bias by its weights."""
    x = images(WIDTH, side=4)
    conv = PoincareConv2d(WIDTH, 8, 1, c=C).double()
    conv.load_state_dict({"weight": network().layer2[0].downsample.weight, "bias": torch.zeros(8)})
    point = ball.exp0(x, C)
    inner = torch.einsum("kc,bchw->bkhw", conv.weight.flatten(1), point)
    lengths = ball.length(conv.weight.flatten(1)).reshape(-1, 1, 1)

    def layer(conformal: Tensor) -> Tensor:
        along = C**0.5 * conformal * inner / lengths
        w = (2 * lengths * along.asinh()).sinh() / C**0.5
        return ball.log0(ball.project(w / (1 + (1 + C * w.square().sum(1, True)).sqrt()), C), C)

    factor = ball.conformal(point, C)
    assert relative_error(conv(x), layer(factor)) <= SAME
    assert relative_error(conv(x), layer(4 / factor)) > WRONG


def points(count: int, size: float = 0.9) -> Tensor:
    torch.manual_seed(0)
    x = torch.randn(count, 5, dtype=torch.float64)
    return x / x.norm(dim=1, keepdim=True) * torch.rand(count, 1).double() * size / C**0.5


def distance(x: Tensor, y: Tensor) -> Tensor:
    return ball.length(ball.log0(ball.add(-x, y, C), C))


def test_geometry_keeps_its_laws() -> None:
    x, y, v = points(48).chunk(3)
    torch.testing.assert_close(ball.log0(ball.exp0(x, C), C), x, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ball.add(-x, ball.add(x, y, C), C), y)  # left cancellation
    torch.testing.assert_close(distance(x, y), distance(y, x))
    turned = ball.gyration(x, y, v, C)
    torch.testing.assert_close(ball.length(turned), ball.length(v))
    torch.testing.assert_close(  # gyroassociativity
        ball.add(x, ball.add(y, v, C), C), ball.add(ball.add(x, y, C), turned, C)
    )
    middle = ball.midpoint(torch.stack((x[0], y[0]))[..., None, None], C)[..., 0, 0]
    torch.testing.assert_close(distance(middle, x[:1]), distance(middle, y[:1]))


def test_flat_ball_is_euclidean() -> None:
    """c -> 0: a convolution, a sum, a mean."""
    c = 1e-10
    x, y = images(4, side=6), images(4, side=6).flip(0)
    torch.testing.assert_close(ball.add(x, y, c), x + y)
    torch.testing.assert_close(ball.midpoint(x, c), x.mean((0, 2, 3), keepdim=True))
    conv = PoincareConv2d(4, 8, 3, 2, c=c).double()
    flat = nn.functional.conv2d(x * conv.scale, 4 * conv.weight, None, 2, 1) / 2
    bias = conv.bias
    assert bias is not None
    shift = 2 * ball.length(conv.weight.flatten(1)).reshape(-1, 1, 1) * bias[:, None, None]
    torch.testing.assert_close(conv(x), flat - shift, rtol=1e-5, atol=1e-5)


def test_outputs_stay_finite_at_the_border() -> None:
    for dtype in (torch.float32, torch.float64):
        model = PoincareResNet(depth=8, width=4).to(dtype)
        for scale in (0.0, 1e4):
            y = model(scale * images(3).to(dtype))
            y.sum().backward()
            assert y.isfinite().all()
            assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_evaluation_does_not_depend_on_the_batch() -> None:
    """The authors' code normalizes by the batch in evaluation too."""
    model = network()
    x = images(3)
    for _ in range(3):
        model(x)
    model.eval()
    with torch.inference_mode():
        torch.testing.assert_close(model(x)[:1], model(x[:1]))


def test_running_statistics_reach_those_of_the_batch() -> None:
    norm = PoincareBatchNorm2d(4, c=C, momentum=0.5).double()
    x = images(4)
    for _ in range(60):
        expected = norm(x)
    torch.testing.assert_close(norm.eval()(x), expected, rtol=1e-9, atol=1e-9)
    half = PoincareBatchNorm2d(4, c=C, momentum=0.5).double()
    half(x)
    mean = ball.midpoint(ball.exp0(x, C), C)
    zero, running = torch.zeros_like(mean), half.running_mean.reshape(mean.shape)
    torch.testing.assert_close(2 * distance(zero, running), distance(zero, mean))


def test_initial_layers_are_the_identity() -> None:
    """But for the scale of joined vectors; of the first channels where the width changes."""
    x = 0.5 * images(4, side=5)
    model: Any = PoincareResNet(depth=8, width=4).double()
    conv: PoincareConv2d = model.layer1[0].conv1
    torch.testing.assert_close(conv(x), conv.scale * x, rtol=0.02, atol=0.02)
    fc: PoincareLinear = model.fc
    torch.testing.assert_close(fc(torch.ones(1, 16).double())[:, :10] > 0.9, torch.ones(1, 10) > 0)


@pytest.mark.parametrize(
    ("width", "depth", "classes", "numel"),
    [
        (4, 20, 10, 17_561),
        (4, 32, 100, 31_441),
        (8, 20, 10, 68_789),
        (8, 44, 100, 169_483),
        (16, 56, 10, 855_815),
        (16, 20, 100, 278_279),
    ],
)
def test_parameters_are_the_codes_less_its_curvatures(
    width: int, depth: int, classes: int, numel: int
) -> None:
    """The authors' code keeps c as a parameter of each layer: five, and three of each unit."""
    sizes = {"depth": depth, "width": width, "num_classes": classes}
    model = build_model("poincare_resnet20_w4", device="meta", **sizes)
    units = 3 * (depth - 2) // 6
    assert sum(p.numel() for p in model.parameters()) + 5 + 3 * units == numel


def test_reset_head_is_hyperbolic_too() -> None:
    model: Any = build_model("poincare_resnet20_w4").double()
    model.reset_classifier(3)
    assert isinstance(model.fc, PoincareLinear)
    assert (model.fc.weight.shape, model.fc.weight.dtype) == ((3, 16), torch.float64)


@pytest.mark.parametrize(
    ("args", "message"),
    [({"depth": 21}, r"depth must be 6N \+ 2"), ({"c": 0.0}, "c must be more than 0")],
)
def test_wrong_option_raises(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("poincare_resnet20_w4", device="meta", **args)
