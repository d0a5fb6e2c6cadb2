"""Inception-ResNet: what a block is by Fig. 20, the last one, Table 1's sizes, pytorchcv's v1."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pytorchcv.model_provider import get_model
from torch import nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.inception_resnet.blocks import Residual
from zoo.models.inception_resnet.convert import KEY_MAPPINGS

slow = pytest.mark.slow
SMALL: dict[str, Any] = {"repeats": (1, 1, 2), "multiplier": 0.25, "num_classes": 7}
RESNETS = ("inception_resnet_v1", "inception_resnet_v2")


def residuals(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, Residual)]


@pytest.mark.parametrize("name", RESNETS)
def test_residual_blocks_scale_zero_are_activated_identity_but_last(name: str) -> None:
    """Fig. 20: ReLU(x + 0 F(x)); the last block keeps a scale of 1 and has no ReLU."""
    *blocks, last = residuals(ours(name, **SMALL, scales=(0, 0, 0)))
    with torch.no_grad():
        for block in blocks:
            x = images(5, channels=block.c_out)
            assert torch.equal(block(x), F.relu(x))
        x = images(5, channels=last.c_out)
        branches = [last.get_submodule(name)(x) for name in last.names]
        expected = x + last.conv2d(torch.cat(branches, 1))
        assert relative_error(last(x), expected) <= SAME
        assert last(x).min() < 0


@pytest.mark.parametrize("name", RESNETS)
def test_scales_of_every_grid_are_those_of_code(name: str) -> None:
    model: Any = build_model(name, device="meta")
    sizes = [len(grid) for grid in (model.repeat, model.repeat_1, model.repeat_2)]
    assert sizes == {"inception_resnet_v1": [5, 10, 5], "inception_resnet_v2": [10, 20, 9]}[name]
    for grid, scale in ((model.repeat, 0.17), (model.repeat_1, 0.10), (model.repeat_2, 0.20)):
        assert {(block.scale, block.activated) for block in grid} == {(scale, True)}
    assert (model.block8.scale, model.block8.activated) == (1.0, False)


@slow
@pytest.mark.parametrize("name", [*RESNETS, "inception_v4"])
def test_grids_are_35_17_and_8_pixels_at_299(name: str) -> None:
    model: Any = build_model(name, device="meta").eval()
    maps = model.forward_intermediates(torch.zeros(1, 3, 299, 299, device="meta"))[1]
    assert [x.shape[2] for x in maps] == [147, 73 if name == "inception_v4" else 71, 35, 17, 8]
    least = torch.zeros(1, 3, 75, 75, device="meta")
    assert model.forward_features(least).shape[2:] == (1, 1)
    with pytest.raises(RuntimeError):
        model(least[..., 1:])


# Wrong in one place


def activate_last(model: nn.Module) -> None:
    residuals(model)[-1].activated = True


def scale_last(model: nn.Module) -> None:
    residuals(model)[-1].scale = 0.2


def unscaled(model: nn.Module) -> None:
    for block in residuals(model):
        block.scale = 1.0


def other_epsilon(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5


def padding_counts(model: nn.Module) -> None:
    """The average of a border pixel is over nine, zeros included."""
    for module in model.modules():
        if isinstance(module, nn.AvgPool2d):
            module.count_include_pad = True


@pytest.mark.parametrize(
    "change", [activate_last, scale_last, unscaled, other_epsilon, padding_counts]
)
def test_inception_resnet_v2_wrong_in_one_place_has_other_logits(
    change: Callable[[nn.Module], None],
) -> None:
    model = ours("inception_resnet_v2", **SMALL)
    expected = logits(model, 75)
    change(model)
    assert relative_error(logits(model, 75), expected) > (
        1e-4 if change is other_epsilon else WRONG
    )


# pytorchcv


@slow
def test_inception_resnet_v1_equals_pytorchcv_with_its_head() -> None:
    """Its linear layer and BatchNorm come after the pooling, ours before: the same in eval mode."""
    theirs: Any = get_model("inceptionresnetv1").eval().double()
    fill(layers_of(theirs))
    generator = torch.Generator().manual_seed(0)
    norm = theirs.output.bn
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(tensor, generator=generator)
    nn.init.uniform_(norm.running_var, 0.5, 1.5, generator=generator)
    (mapping,) = (m for m in KEY_MAPPINGS if m.supports("inception_resnet_v1"))
    state = mapping.to_zoo(theirs.state_dict())
    model = build_model("inception_resnet_v1", embedding=512).double().eval()
    model.load_state_dict(state, strict=True)
    assert sum(p.numel() for p in model.parameters()) == 23_995_624
    expected = logits(theirs, 299, batch=1)
    assert relative_error(logits(model, 299, batch=1), expected) <= SAME
    residuals(model)[-1].activated = True
    assert relative_error(logits(model, 299, batch=1), expected) > WRONG
    assert mapping.from_zoo(state).keys() == theirs.state_dict().keys()


def test_build_model_wrong_repeats_names_figure() -> None:
    with pytest.raises(ValueError, match=r"repeats and scales must be three each.*Fig. 15"):
        build_model("inception_resnet_v2", repeats=(1, 2))
    with pytest.raises(ValueError, match=r"repeats must be three.*Fig. 9"):
        build_model("inception_v4", repeats=(0, 1, 1))
