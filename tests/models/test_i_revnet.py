"""i-RevNet: its inverse, the order of psi, gradients of what is recomputed, pytorchcv.

The authors' code is in test_all_parity.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorchcv.models.irevnet import IRevNet
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, golden_error, logits
from tests.support.compare import relative_error
from tests.support.models import make_model
from tests.support.patching import replace_everywhere
from zoo.models._builder import build_model
from zoo.models.i_revnet.blocks import Bottleneck, Stage
from zoo.models.i_revnet.convert import KEY_MAPPINGS

SMALL = {"irevnet163": {"blocks": (5, 2, 1)}, "irevnet301": {"blocks": (2, 1, 3)}}
every_name = pytest.mark.parametrize("name", SMALL)
slow = pytest.mark.slow


def small(name: str, **args: Any) -> Any:
    return make_model(name, **SMALL[name], **args)


# Inverse


@every_name
@pytest.mark.parametrize("train", [False, True])
def test_inverse_of_last_feature_is_image(name: str, train: bool) -> None:
    model, x = small(name).train(train), images(32)
    z = model.forward_intermediates(x, intermediates_only=True)[-1]
    statistics = [buffer.clone() for buffer in model.buffers()]
    assert relative_error(model.inverse(z), x) < 1e-10
    assert all(map(torch.equal, model.buffers(), statistics))
    if not train:  # else BN divides the rounding of constant channels by their deviation
        assert relative_error(model.float().inverse(z.float()).double(), x) < 1e-4


@every_name
def test_other_outputs_have_images_too_where_no_zeros_were_added(name: str) -> None:
    model = small(name).requires_grad_(False)
    z = model.forward_intermediates(images(32), intermediates_only=True)[-1]
    changed = z + 0.1 * torch.randn(z.shape, dtype=z.dtype, generator=torch.manual_seed(0))
    again = model.forward_intermediates(model.inverse(changed), intermediates_only=True)[-1]
    assert (relative_error(again, changed) < 1e-12) == (name == "irevnet301")


def test_inverse_of_odd_image_has_zeros_at_its_end() -> None:
    model, x = small("irevnet301"), images(32)[:, :, :21, :30]
    z = model.forward_intermediates(x, intermediates_only=True)[-1]
    assert z.shape[2:] == (2, 2)
    undone = model.inverse(z)
    assert undone.shape == (2, 3, 32, 32)
    assert relative_error(undone[:, :, :21, :30], x) < 1e-12
    assert undone[:, :, 21:].abs().max() < 1e-12 > undone[:, :, :, 30:].abs().max()


@slow
def test_inverse_of_whole_network_is_image() -> None:
    model, x = make_model("irevnet301"), images(64, batch=1)
    z = model.forward_intermediates(x, intermediates_only=True)[-1]
    assert z.shape == (1, 3072, 2, 2)
    assert relative_error(model.inverse(z), x) < 1e-10


def test_zero_residuals_exchange_halves_alone() -> None:
    """F = 0: the pixels of the image, each once, in another order."""
    model, x = small("irevnet301"), images(16)
    for block in model.modules():
        if isinstance(block, Bottleneck):
            nn.init.zeros_(block.conv3.weight)
    z = model.forward_intermediates(x, intermediates_only=True)[-1]
    assert torch.equal(z.flatten(1).sort().values, x.flatten(1).sort().values)


# Gradients of what is recomputed


def gradients(name: str, dtype: torch.dtype, enable: bool, **args: Any) -> list[Tensor]:
    model = small(name, **args).to(dtype).train()
    model.set_grad_checkpointing(enable)
    x = images(32).to(dtype).requires_grad_()
    torch.manual_seed(0)
    model(x).square().mean().backward()
    assert x.grad is not None
    return [x.grad.double(), *(p.grad.double() for p in model.parameters())]


def error(actual: list[Tensor], expected: list[Tensor]) -> float:
    """Largest error of a tensor, by its own norm and a tenth of the largest one."""
    largest = max(gradient.norm() for gradient in expected)
    pairs = zip(actual, expected, strict=True)
    return max(((a - b).norm() / (b.norm() + 0.1 * largest)).item() for a, b in pairs)


@every_name
def test_gradients_with_checkpointing_equal_plain_ones(name: str) -> None:
    """In float32 too, where the zeros of the injective network come back as noise."""
    expected = gradients(name, torch.float64, False, dropout=0.2)
    assert error(gradients(name, torch.float64, True, dropout=0.2), expected) < 1e-10
    plain, again = (gradients(name, torch.float32, enable) for enable in (False, True))
    assert error(again, plain) < 1e-4


# Other code


def test_logits_equal_pytorchcv() -> None:
    channels = [[width, width] for width in (24, 96, 384)]  # two units a stage: 301 take long
    other = IRevNet(channels, init_block_channels=12, final_block_channels=768).eval()
    other.features.final_pool = nn.AdaptiveAvgPool2d(1)  # for small images
    fill(layers_of(other))
    model = build_model("irevnet301", blocks=(2, 2, 2)).double().eval()
    (mapping,) = (m for m in KEY_MAPPINGS if m.name == "pytorchcv")
    model.load_state_dict(mapping.to_zoo(other.state_dict()))
    assert mapping.from_zoo(model.state_dict()).keys() == other.state_dict().keys()
    assert relative_error(logits(model, 64), logits(other, 64)) <= SAME


@pytest.mark.parametrize("name", ["irevnet163", pytest.param("irevnet301", marks=slow)])
def test_authors_keys_are_one_list_of_blocks(name: str) -> None:
    state = build_model(name, device="meta").state_dict()
    (mapping,) = (m for m in KEY_MAPPINGS if m.models == (name,) and m.name != "pytorchcv")
    theirs = mapping.from_zoo(state)
    assert "stack.0.bottleneck_block.7.weight" in theirs  # the last of the first, without a BN
    assert "stack.7.bottleneck_block.9.weight" in theirs
    assert all(key.startswith(("stack.", "bn1.", "linear.")) for key in theirs)
    assert mapping.has_required_keys(theirs)
    assert mapping.to_zoo(theirs).keys() == state.keys()


# Wrong in one place


def unshuffle_by_channel(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's order: all places of a block for the first channel, then for the next."""
    module = "zoo.modules.space_to_depth"
    replace_everywhere(monkeypatch, f"{module}.space_to_depth", nn.functional.pixel_unshuffle)
    replace_everywhere(monkeypatch, f"{module}.depth_to_space", nn.functional.pixel_shuffle)


def activate_first(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    first: Any = model.get_submodule("stages.0.blocks.0")
    first.bn1 = nn.BatchNorm2d(first.conv1.in_channels).double().eval()


def never_exchange(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stage, "ordered", lambda stage, state: list(state))


BIJECTIVE, INJECTIVE = "i_revnet-bijective", "i_revnet-injective"


@pytest.mark.parametrize(
    ("key", "change"),
    [
        (BIJECTIVE, unshuffle_by_channel),
        (INJECTIVE, unshuffle_by_channel),
        (BIJECTIVE, activate_first),  # the other one's first block sees zeros alone
        (BIJECTIVE, never_exchange),
        (INJECTIVE, never_exchange),
    ],
)
def test_logits_of_wrong_variant_differ(
    key: str,
    change: Callable[[nn.Module, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert golden_error(key, lambda model: change(model, monkeypatch)) > WRONG


# Arguments


def test_channels_follow_bijection_for_any_image() -> None:
    for in_chans, expected in ((3, [48, 192]), (1, [16, 64]), (5, [80, 320])):
        model: Any = build_model("irevnet301", blocks=(1, 1), in_chans=in_chans)
        assert [info["num_chs"] for info in model.feature_info] == expected
        x: Tensor = torch.zeros(1, in_chans, 16, 16)
        assert model.forward_features(x).numel() == x.numel()


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ({"blocks": (3, 0)}, "blocks must be 1 or more in each stage, not"),
        ({"blocks": (1,), "in_chans": 33}, "in_chans must be at most 32, not 33"),
    ],
)
def test_build_model_invalid_args_raises(args: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        build_model("irevnet163", device="meta", **args)
