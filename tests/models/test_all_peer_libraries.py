"""Equal to what others run, in float64, with drawn weights, statistics and signs (golden/fill.py).

torchvision   timm   pytorchcv
"""

import importlib
import re
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from tests.golden.fill import fill, layers_of
from tests.models.test_all_classifier_contract import least_pixels
from tests.models.test_all_parity import (
    SAME,
    WRONG,
    Change,
    flip_the_first_shortcut,
    logits,
    move_the_stride,
    ours,
    shift_the_pool,
    slow,
)
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models._registry import model_entries

pytestmark = pytest.mark.slow

# torchvision and timm: their keys, their logits

MAKERS = {"torchvision": torchvision.models.get_model, "timm": timm.create_model}
NAMES = {
    "torchvision": torchvision.models.list_models(),
    "timm": [n for n in timm.list_models() if timm.model_entrypoint(n).__module__[:5] == "timm."],
}
RENAMED = {"res2net50_v1b": "res2net50d", "res2net101_v1b": "res2net101d"}
QUICK = {"resnet50", "res2net50_26w_4s", "rdnet_tiny", "dpn68", "resnest14d"}
DEEP = re.compile(  # of code that smaller ones compare
    "resnetrs(?!50)|resnest.*e$|rdnet_(base|large)|resne(t|xt)1|dpn(98|107|131)"
    "|nf_(resnet101|regnet_b[2-5])|resmlp_(36|big)|res2net(101|50_26w_8s)"
)
SHARED = [
    pytest.param(name, library, marks=() if name in QUICK else slow)
    for library, names in NAMES.items()
    for name in model_entries()
    if RENAMED.get(name, name) in names
]


def theirs(library: str, name: str, state: dict[str, Tensor], **args: Any) -> nn.Module:
    """The network of another library with our state dict as it is."""
    with torch.device("meta"):
        model: nn.Module = MAKERS[library](name, **args)
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


def test_shared_names_counts_match_libraries() -> None:
    """timm and torchvision have networks of the same names."""
    actual = [param.values[1] for param in SHARED]
    assert (actual.count("torchvision"), actual.count("timm")) == (9, 66)


@slow
@pytest.mark.parametrize(
    ("name", "library"), [param for param in SHARED if DEEP.match(str(param.values[0]))]
)
def test_deep_model_has_the_keys_and_shapes_of_timm(name: str, library: str) -> None:
    with torch.device("meta"):
        other = MAKERS[library](RENAMED.get(name, name)).state_dict()
    model = build_model(name, device="meta").state_dict()
    assert {key: value.shape for key, value in model.items()} == {
        key: value.shape for key, value in other.items()
    }


@pytest.mark.parametrize(
    ("name", "library"), [param for param in SHARED if not DEEP.match(str(param.values[0]))]
)
def test_model_state_dict_in_timm_or_torchvision_is_equal(name: str, library: str) -> None:
    side = least_pixels(name) or 64
    args = {"img_size": 64} if model_entries()[name].cfg.get("fixed_input_size") else {}
    model = ours(name, **args)
    other = theirs(library, RENAMED.get(name, name), model.state_dict(), **args)
    assert sorted(other.state_dict()) == sorted(model.state_dict())
    assert type(other).__module__.startswith(library)
    expected = logits(model, side)
    if name.startswith("rdnet"):  # timm's head has another epsilon than the authors' (and ours)
        assert 1e-8 < relative_error(logits(other, side), expected) < 1e-4
        other.head.norm.eps = 1e-5
    if name.startswith("nf_"):  # timm standardises weights by batch_norm, which rounds otherwise
        assert relative_error(logits(other, side), expected) <= SAME
        return
    assert torch.equal(logits(other, side), expected)


@pytest.mark.parametrize("change", [move_the_stride, shift_the_pool])
def test_resnet50_changed_stride_differs_from_torchvision(change: Change) -> None:
    model = ours("resnet50")
    expected = logits(theirs("torchvision", "resnet50", model.state_dict()), 64)
    change(model)
    assert relative_error(logits(model, 64), expected) > WRONG


RESNETV2 = [  # our key -> that of timm's resnetv2_50, whose first unit does what our stem does
    (r"^conv1\.", "stem.conv."),
    (r"^bn1\.", "stages.0.blocks.0.norm1."),
    *((rf"^layer{i}\.(\d+)\.", rf"stages.{i - 1}.blocks.\1.") for i in (1, 2, 3, 4)),
    (r"^bn\.", "norm."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"downsample\.", "downsample.conv."),
    (r"^fc\.", "head.fc."),
]


def as_resnetv2(model: nn.Module) -> nn.Module:
    """timm's resnetv2_50 with the weights of our preresnet50."""
    state = model.state_dict()
    for pattern, new in RESNETV2:
        state = {re.sub(pattern, new, key): value for key, value in state.items()}
    state["head.fc.weight"] = state["head.fc.weight"][..., None, None]
    return theirs("timm", "resnetv2_50", state)


def test_preresnet50_negative_scale_differs_from_timm() -> None:
    """max(ReLU(BN(x))) = ReLU(BN(max(x))) as long as no scale of the BatchNorm is negative."""
    model = ours("preresnet50")
    assert model.bn1.weight.min() < 0
    assert relative_error(logits(as_resnetv2(model), 64), logits(model, 64)) > WRONG
    with torch.no_grad():
        model.bn1.weight.abs_()
    assert relative_error(logits(as_resnetv2(model), 64), logits(model, 64)) <= SAME


# pytorchcv: layer by layer, as it defines them in our order


def pytorchcv(name: str) -> nn.Module:
    """A network of pytorchcv for CIFAR-10."""
    family = re.sub(r"\d.*", "", name)
    module = importlib.import_module(f"pytorchcv.models.{family}_cifar")
    model: nn.Module = getattr(module, f"{name}_cifar10")().eval()
    return model


PYTORCHCV = [
    ("resnext29_32x4d", "resnext29_32x4d", {}, None),
    ("resnet20", "resnet20", {"shortcut": "B"}, None),
    ("resnet56", "resnet56", {"shortcut": "B"}, None),
    pytest.param("wrn16_10", "wrn16_10", {}, None, marks=slow),
    pytest.param("pyramidnet110_a48", "pyramidnet110_a48", {}, None, marks=slow),
    pytest.param("pyramidnet164_a270_bn", "pyramidnet164_a270", {}, None, marks=slow),
    ("preresnet20", "preresnet20", {"shortcut": "B"}, flip_the_first_shortcut),
    ("preresnet164bn", "preresnet164", {"stride_first": False}, None),
    ("preresnet164bn", "preresnet164", {}, move_the_stride),
    ("resnet164bn", "resnet164", {}, move_the_stride),
]


@pytest.mark.parametrize(("other", "name", "args", "change"), PYTORCHCV)
def test_model_equals_pytorchcv_except_known_changes(
    other: str, name: str, args: dict[str, Any], change: Change | None
) -> None:
    """Where it differs from the authors, it is only by `change`, and by much."""
    peer = pytorchcv(other)
    fill(layers_of(peer))
    model, expected = ours(name, **args), logits(peer, 32)
    if change:
        assert relative_error(logits(model, 32), expected) > WRONG
        change(model)
    assert relative_error(logits(model, 32), expected) <= SAME


@slow
@pytest.mark.parametrize(
    "name",
    [
        *("resnext29_16x64d", "wrn28_10", "wrn40_8", "pyramidnet110_a84", "pyramidnet110_a270"),
        *("pyramidnet200_a240", "pyramidnet236_a220", "pyramidnet272_a200"),
    ],
)
def test_wide_model_has_the_shapes_of_pytorchcv(name: str) -> None:
    with torch.device("meta"):
        other = pytorchcv(f"{name}_bn" if re.match("pyramidnet2", name) else name)
    model = build_model(name, device="meta")
    assert sorted(p.shape for p in model.parameters()) == sorted(
        p.shape for p in other.parameters()
    )
