"""DRLN: what the authors' numbers tell apart, parameters without effect, files, attention."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_super_resolution_parity import GOLDEN, WRONG, golden_error, ours
from zoo.models._builder import build_model
from zoo.models.drln import model as drln
from zoo.modules.super_resolution import RectifiedResidual

RECORD = GOLDEN["DRLN-drln_x2"]
Change = Callable[[Any, pytest.MonkeyPatch], None]


def reads_module_before(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drln, "READS_GROUP", None)


def dense_from_the_skip(model: Any, patch: pytest.MonkeyPatch) -> None:
    """c_0 of a group with the skip: a, not o."""
    groups, run = model.body, drln.DenseGroups.forward

    def forward(x: Any, recompute: bool = False) -> Any:
        units, fusions = list(groups.units), list(groups.fusions)
        first = 0
        for group, depth in enumerate(groups.depths):
            part = drln.DenseGroups(16, (0,) * group + (depth,), 16).double()
            part.units = nn.ModuleList(units[first : first + depth])
            part.fusions = nn.ModuleList(fusions[first : first + depth])
            x, first = run(part, x), first + depth
        return x

    patch.setattr(groups, "forward", forward)


def mean_of_255(model: Any, patch: pytest.MonkeyPatch) -> None:
    for shift in (model.sub_mean, model.add_mean):
        shift.bias.data *= 255


def no_relu_in_upsampler(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.tail[0][1] = nn.Identity()


def no_relu_after_addition(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RectifiedResidual, "forward", lambda self, x: self.body(x) + x)


CHANGES = (
    reads_module_before,
    dense_from_the_skip,
    mean_of_255,
    no_relu_in_upsampler,
    no_relu_after_addition,
)


@pytest.mark.parametrize("change", CHANGES)
def test_golden_error_wrong_variant_exceeds_bound(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = ours(RECORD)
    change(model, monkeypatch)
    assert golden_error(model, RECORD) > WRONG


def test_parameters_without_effect_change_nothing() -> None:
    """The fusion after the first module of the second group, and taps beside the middle ones."""
    model: Any = build_model("drln_x2", channels=8, reduction=4).double().eval()
    fill(layers_of(model))
    x = images(7).abs() % 1
    expected = model(x)
    nn.init.ones_(model.body.fusions[3][0].weight)
    for name, weight in model.named_parameters():
        if ".attend." in name and weight.dim() == 4:
            middle = weight[:, :, 1, 1].clone()
            weight.data.zero_()[:, :, 1, 1] = middle
    assert torch.equal(model(x), expected)
    nn.init.ones_(model.body.fusions[4][0].weight)
    assert not torch.equal(model(x), expected)


def test_drln_invalid_arguments_raise() -> None:
    with pytest.raises(ValueError, match="scale must be one of 2, 3, 4, 8, not 5"):
        drln.DRLN(scale=5)
    with pytest.raises(ValueError, match="channels must be a multiple of reduction, not 24"):
        drln.DRLN(channels=24)
