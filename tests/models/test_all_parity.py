"""Equal to the authors' files (golden/*.json), in float64, with drawn weights, statistics, signs.

Every proof is also seen to fail: a network that is wrong in one place is more than 1 % off.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tests.golden.fill import fill, images, layers_of
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.modules.post_activation import LAYOUTS, Basic, Bottleneck
from zoo.modules.pre_activation import PreUnit
from zoo.modules.shortcuts import ZeroPadding

FILES = Path(__file__).parents[1] / "golden"
GOLDEN: dict[str, dict[str, Any]] = {
    f"{path.stem}-{key}": record
    for path in sorted(FILES.glob("*.json"))
    for key, record in json.loads(path.read_text(encoding="utf-8")).get("nets", {}).items()
    if "ours" in record  # the others have a file of their own
}
SAME, WRONG = 1e-12, 1e-2  # relative to the largest logit: rounding, and another function
slow = pytest.mark.slow
Change = Callable[[nn.Module], None]


def ours(name: str, seed: int = 0, **args: Any) -> nn.Module:
    """A network of the zoo with the weights of `seed`; buffers that fill.py forgets are NaN."""
    model = build_model(name, device="meta", **args).to_empty(device="cpu").eval()
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(torch.nan if tensor.is_floating_point() else 0)
    fill(layers_of(model), seed)
    random = np.random.RandomState(seed)
    for parameter in model.parameters():  # those of no layer that `fill` knows
        if parameter.isnan().any():
            parameter.data = torch.from_numpy(random.normal(0, 0.5, parameter.shape))
    return model


def logits(model: nn.Module, size: int, batch: int = 2) -> Tensor:
    with torch.inference_mode():
        return model(images(size, batch))


# The authors' files

HEAVY = (
    *("resnet101_v1", "resnet152_v1", "preresnet200", "preresnet1001", "wrn28_10"),
    *("resnext101_32x4d", "rdnet_base", "rdnet_large", "pyramidnet200_a300"),
    *("resattnet56", "resattnet92", "resattnext56", "rkan-plain", "rkan-first", "rkan-2xl"),
    *("resnet34_A", "resnet34_B", "resnext29_8x64d", "resnext50_8x14d", "rdnet_small"),
)


def golden_error(key: str, change: Change | None = None, **args: Any) -> float:
    """Return the error of our network, perhaps changed in one place, against the record."""
    record = GOLDEN[key]
    model = ours(record["ours"], record["seed"], **record["args"], **args)
    if change:
        change(model)
    actual = logits(model, record["size"], record["batch"])[:, :10]
    return relative_error(actual, torch.tensor(record["logits"], dtype=torch.float64))


@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=slow if key.endswith(HEAVY) else ()) for key in GOLDEN]
)
def test_logits_of_every_golden_net_match_authors_code(key: str) -> None:
    assert golden_error(key) <= SAME


SHORT = {"batch_norm": "bn", "relu": "relu", "dropout": "dropout", "conv2d": "conv"}


class Operations(TorchFunctionMode):
    """Writes down what runs: bn, relu, dropout, conv1x1, conv3x3."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        short = SHORT.get(func.__name__, "")
        window = "x".join(map(str, args[1].shape[2:])) if short == "conv" else ""
        self.seen += [short + window] if short else []
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("unit", "channels"), [("projection", 16), ("identity", 64)])
def test_wrn_dropout_position_matches_authors_code(unit: str, channels: int) -> None:
    record = json.loads((FILES / "wrn.json").read_text(encoding="utf-8"))
    expected = record["unit_with_dropout"][unit]
    stage = build_model("wrn16_4", drop_rate=0.3).get_submodule("layer1")
    with Operations() as operations:
        stage[unit == "identity"](torch.zeros(1, channels, 4, 4))
    flat = [kind for part in ("shared", "residual", "shortcut") for kind in expected[part]]
    assert operations.seen == [kind for kind in flat if kind != "identity"]


# Wrong in one place


def units(model: nn.Module) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, (Basic, Bottleneck, PreUnit))]


def move_the_stride(model: nn.Module) -> None:
    """From the 3x3 of a bottleneck to its first 1x1, or back."""
    for unit in units(model):
        unit.conv1.stride, unit.conv2.stride = unit.conv2.stride, unit.conv1.stride


def shift_the_pool(model: nn.Module) -> None:
    """From centred to the border, as in Caffe, or back."""
    model.maxpool = LAYOUTS["caffe" if model.maxpool.padding == 1 else "v1.5"].pool()


def project_raw_x(model: nn.Module) -> None:
    """bearpaw/pytorch-classification: the shortcut never sees the BN-ReLU."""
    for unit in units(model):
        unit.shares = False


def flip_the_first_shortcut(model: nn.Module) -> None:
    """It starts before the first BN-ReLU of the network instead of after it, or back."""
    units(model)[0].shares = not units(model)[0].shares


def norm_twice(model: nn.Module) -> None:
    """pytorchcv's preresnet50: the first unit has a BN-ReLU of its own after the stem's."""
    units(model)[0].bn1 = nn.BatchNorm2d(64).eval()
    fill([units(model)[0].bn1])


def no_shortcut(model: nn.Module) -> None:
    """The plain net has the same keys."""
    for unit in units(model):
        unit.forward = lambda x, unit=unit: unit.act2(unit.residual(x))


def relu_before_norm(model: nn.Module) -> None:
    for unit in units(model):
        unit.bn1, unit.act1 = unit.act1, unit.bn1


def no_last_activation(model: nn.Module) -> None:
    """The extra BN-ReLU after the last addition (appendix of 1603.05027)."""
    model.bn = model.act = nn.Identity()


def option_b(model: nn.Module) -> None:
    """Projections where option A has zeros; all other weights stay."""
    for unit in units(model):
        if isinstance(unit.downsample, ZeroPadding):
            c_in, c_out = unit.conv1.in_channels, unit.c_out
            conv, norm = nn.Conv2d(c_in, c_out, 1, 2, bias=False), nn.BatchNorm2d(c_out)
            fill([conv, norm])
            unit.downsample = nn.Sequential(conv, norm).eval()


MUTATIONS = [
    ("fb_resnet-resnet20_A", None, {"padding": "both"}),
    ("fb_resnet-resnet20_A", no_shortcut, {}),
    ("fb_resnet-resnet20_A", option_b, {}),
    ("fb_resnet-resnet20_B", relu_before_norm, {}),
    ("fb_resnet-resnet18", shift_the_pool, {}),
    pytest.param("fb_resnet-resnet50", move_the_stride, {}, marks=slow),
    pytest.param("caffe_resnet-resnet50_v1", move_the_stride, {}, marks=slow),
    pytest.param("caffe_resnet-resnet50_v1", shift_the_pool, {}, marks=slow),
    ("fb_preresnet-preresnet20_A", flip_the_first_shortcut, {}),
    ("fb_preresnet-preresnet20_A", no_last_activation, {}),
    ("fb_preresnet-preresnet110_A", flip_the_first_shortcut, {}),
    ("fb_preresnet-preresnet110_B", project_raw_x, {}),
    pytest.param("fb_preresnet-preresnet50", norm_twice, {}, marks=slow),
    pytest.param("fb_preresnet-preresnet50", project_raw_x, {}, marks=slow),
    ("he_preact-preresnet164", None, {"stride_first": False}),
    ("he_preact-preresnet164", project_raw_x, {}),
    ("wrn-wrn16_1", flip_the_first_shortcut, {}),
    ("wrn-wrn16_4", project_raw_x, {}),
]


@pytest.mark.parametrize(("key", "change", "args"), MUTATIONS)
def test_logits_mutated_model_differs_from_authors_code(
    key: str, change: Change | None, args: dict[str, Any]
) -> None:
    assert golden_error(key, change, **args) > WRONG
