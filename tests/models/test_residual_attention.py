"""Residual Attention: Eq. 3, the hourglass, wrong variants; pytorchcv's networks are three.

test_all_parity.py compares with the authors' prototxts (golden/residual_attention.json).
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pytorchcv.model_provider import get_model
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.residual_attention.attention import AttentionModule, Hourglass

SMALL: dict[str, Any] = {"filters": 8, "num_classes": 7}
NEXT: dict[str, Any] = SMALL | {"filters": 16}  # 32 groups


def parts(model: nn.Module, kind: type) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, kind)]


@pytest.mark.parametrize(("name", "args"), [("resattnet56", SMALL), ("resattnext56", NEXT)])
def test_attention_module_is_trunk_times_one_plus_mask(name: str, args: dict[str, Any]) -> None:
    """H = (1 + M) T with 0 < M < 1, and the trunk alone where M is 0 (Eq. 3)."""
    module = parts(ours(name, **args), AttentionModule)[1]
    x = images(8, channels=module.c_out)
    with torch.no_grad():
        first = module.first(x)
        trunk, mask = module.trunk(first), module.mask(module.hourglass(first))
        assert 0 < mask.min() < mask.max() < 1
        assert relative_error(module(x), module.last((1 + mask) * trunk)) <= SAME
        module.mask = nn.Sequential(nn.Identity(), Zero())
        assert torch.equal(module(x), module.last(trunk))


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


@pytest.mark.parametrize(("name", "modules"), [("resattnet56", 1), ("resattnet92", 2)])
def test_masks_go_down_three_two_and_one_levels(name: str, modules: int) -> None:
    model: Any = build_model(name, device="meta").eval()
    counts = [len(parts(stage, AttentionModule)) for stage in (model.layer1, model.layer2)]
    assert counts == [1, modules]
    for levels, stage in ((3, model.layer1), (2, model.layer2), (1, model.layer3)):
        for module in parts(stage, AttentionModule):
            assert len(parts(module, Hourglass)) == levels


# Wrong in one place


def mask_alone(model: nn.Module) -> None:
    """M T, naive attention learning: the mask less 1, which the module adds."""
    for module in parts(model, AttentionModule):
        module.mask.append(LessOne())


class LessOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - 1


def centred_pools(model: nn.Module) -> None:
    for pool in parts(model, nn.MaxPool2d):
        pool.padding, pool.ceil_mode = 1, False


class Twice(nn.Module):
    """A unit whose input is added once more."""

    def __init__(self, unit: nn.Module) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        return x + self.unit(x)


def skips_twice(model: nn.Module) -> None:
    for hourglass in parts(model, Hourglass):
        hourglass.skip = hourglass.skip and Twice(hourglass.skip)


def trunk_in_mask(model: nn.Module) -> None:
    """The trunk is added to what the hourglass gives."""
    for module in parts(model, AttentionModule):

        def forward(x: Tensor, module: Any = module) -> Tensor:
            x = module.first(x)
            trunk = module.trunk(x)
            return module.last(trunk * module.mask(module.hourglass(x) + trunk) + trunk)

        module.forward = forward


def no_skips(model: nn.Module) -> None:
    for hourglass in parts(model, Hourglass):
        hourglass.skip = hourglass.skip and Zero()


@pytest.mark.parametrize(
    "change", [mask_alone, centred_pools, skips_twice, trunk_in_mask, no_skips]
)
def test_resattnet56_wrong_in_one_place_has_other_logits(
    change: Callable[[nn.Module], None],
) -> None:
    model = ours("resattnet56", **SMALL)
    expected = logits(model, 64)
    change(model)
    assert relative_error(logits(model, 64), expected) > 1e-3


def test_interpolation_is_from_corner_to_corner() -> None:
    hourglass = parts(ours("resattnet56", **SMALL), Hourglass)[-1]
    x = images(6, channels=128)
    with torch.no_grad():
        small = hourglass.up(hourglass.down(hourglass.pool(x)))
        y = hourglass(x)
    assert torch.equal(y[..., ::5, ::5], small[..., ::2, ::2])
    halves = F.interpolate(small, (6, 6), mode="bilinear")
    assert relative_error(halves, y) > WRONG


# pytorchcv

RENAMES: list[tuple[str, Any]] = [  # its key -> ours
    (r"features\.init_block\.conv\.conv", "conv1"),
    (r"features\.init_block\.conv\.bn", "bn1"),
    (r"features\.post_activ\.bn", "bn"),
    (r"output\.", "fc."),
    (r"features\.stage(\d)\.unit(\d)\.", lambda m: f"layer{m[1]}.{int(m[2]) - 1}."),
    (r"init_blocks\.blocks\.block1\.", "first."),
    (r"final_block\.", "last."),
    (r"hg\.skip_seq\.skip1\.blocks\.block(\d)\.", lambda m: f"trunk.{int(m[1]) - 1}."),
    (
        r"hg\.(down|up|skip)_seq\.\w+?(\d)\.(?:res_blocks\.blocks\.block1|skip1)\.",
        lambda m: f"hourglass.{'inner.' * (int(m[2]) - 1 - (m[1] == 'skip'))}{m[1]}.",
    ),
    (r"middle_block\.conv1\.bn", "mask.0.0"),
    (r"middle_block\.conv1\.conv", "mask.1"),
    (r"middle_block\.conv2\.bn", "mask.2"),
    (r"middle_block\.conv2\.conv", "mask.4"),
    (r"body\.conv(\d)\.(conv|bn)", r"\2\1"),
    (r"identity_conv", "downsample"),
]


@pytest.mark.slow
def test_resattnet56_with_three_changes_equals_pytorchcv() -> None:
    theirs: Any = get_model("resattnet56").eval()
    fill(layers_of(theirs))
    state = theirs.state_dict()
    for pattern, new in RENAMES:
        state = {re.sub(pattern, new, key): value for key, value in state.items()}
    model = build_model("resattnet56").double().eval()
    model.load_state_dict(state, strict=True)
    expected = logits(theirs, 224, batch=1)
    for change in (centred_pools, skips_twice, trunk_in_mask):
        assert relative_error(logits(model, 224, batch=1), expected) > WRONG
        change(model)
    assert relative_error(logits(model, 224, batch=1), expected) <= SAME


def test_build_model_two_stages_of_modules_names_table() -> None:
    with pytest.raises(ValueError, match=r"modules must be three.*Table 4.*not \[1, 2\]"):
        build_model("resattnet56", modules=(1, 2))
