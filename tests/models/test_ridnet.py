"""RIDNet: equal to the authors' network and BasicSR's, the mean that is added, their files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.golden.fill import images
from tests.models.test_all_super_resolution_parity import (
    FILES,
    SAME,
    WRONG,
    drawn,
    numbers,
    scheme_of,
)
from tests.support.compare import relative_error
from tests.support.models import make_model
from zoo.checkpoints.reading import read_checkpoint
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file, detect_model
from zoo.models.ridnet.model import RIDNet
from zoo.modules.super_resolution import DIV2K_MEAN, MeanShift, RectifiedResidual

GOLDEN = FILES[1]["denoisers"]
RECORD = GOLDEN["RIDNet-ridnet"]


def ours(record: dict[str, Any]) -> Any:
    """The network with the weights that the recorded one had."""
    state = drawn(record)
    model = build_model("ridnet", device="meta", **record["args"])
    model.load_state_dict(scheme_of(record, state).to_zoo(state), assign=True)
    return model.eval()


def golden_error(model: nn.Module, record: dict[str, Any]) -> float:
    x = images(record["height"])[..., : record["width"]].abs() % 1
    with torch.inference_mode():
        actual = numbers(model(x))
    return relative_error(actual, torch.tensor(record["numbers"], dtype=torch.float64))


@pytest.mark.parametrize("key", GOLDEN)
def test_ridnet_equals_recorded_outputs(key: str) -> None:
    assert golden_error(ours(GOLDEN[key]), GOLDEN[key]) <= SAME


def without_mean(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.add_mean = nn.Identity()


def mean_of_div2k(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.sub_mean = MeanShift(tuple(-255 * mean for mean in DIV2K_MEAN)).double()


def branches_exchanged(model: Any, patch: pytest.MonkeyPatch) -> None:
    merge = model.body[0][0]
    merge.branches = nn.ModuleList(reversed(merge.branches))


def no_relu_after_addition(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RectifiedResidual, "forward", lambda self, x: self.body(x) + x)


def no_relu_after_head(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.head[1] = nn.Identity()


@pytest.mark.parametrize(
    "change",
    [without_mean, mean_of_div2k, branches_exchanged, no_relu_after_addition, no_relu_after_head],
)
def test_golden_error_wrong_variant_exceeds_bound(
    change: Callable[[Any, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ours(RECORD)
    change(model, monkeypatch)
    assert golden_error(model, RECORD) > WRONG


@torch.inference_mode()
def test_ridnet_with_zero_tail_returns_image_and_mean() -> None:
    """Not the image alone, as a skip would."""
    model, x = make_model("ridnet", channels=16), images(8).abs() % 1
    assert torch.equal(model(x), x + model.correction(x))
    nn.init.zeros_(model.tail.weight)
    nn.init.zeros_(model.tail.bias)
    mean = torch.tensor(DIV2K_MEAN).double().view(3, 1, 1)
    torch.testing.assert_close(model(x), x + mean, rtol=0, atol=1e-7)  # stored in float32


def test_ridnet_params_match_authors_count() -> None:
    """1,499,371, of which 24 are of the mean shifts and not learned."""
    counts = [
        (p.numel(), p.requires_grad) for p in build_model("ridnet", device="meta").parameters()
    ]
    assert sum(n for n, _ in counts) == 1_499_371
    assert sum(n for n, learned in counts if not learned) == 24


@pytest.mark.parametrize("key", GOLDEN)
def test_convert_file_detects_ridnet(key: str, tmp_path: Path) -> None:
    record = GOLDEN[key]
    mapping = scheme_of(record, drawn(record))
    whole = mapping.from_zoo(build_model("ridnet").state_dict())
    torch.save({"params": whole} if key.startswith("BasicSR") else whole, tmp_path / "ridnet.pt")
    actual = convert_file(tmp_path / "ridnet.pt")
    assert (actual.model, actual.keys) == ("ridnet", mapping.name)
    state = detect_model(read_checkpoint(tmp_path / "ridnet.pt")[0], "ridnet").state
    build_model("ridnet").load_state_dict(state)


def test_ridnet_in_bf16_keeps_mean_and_checkpointing_keeps_output() -> None:
    model, x = make_model("ridnet", channels=16), images(8).abs() % 1
    expected = model(x)
    model.set_grad_checkpointing()
    actual = model.train()(x)
    actual.square().mean().backward()
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    half = model.eval().float().bfloat16()
    assert half.add_mean.bias.dtype == torch.float32
    assert half(x.bfloat16()).dtype == torch.bfloat16
    assert relative_error(half(x.float()).double().detach(), expected.detach()) < 0.1


def test_ridnet_invalid_channels_raise() -> None:
    with pytest.raises(ValueError, match="channels must be a multiple of reduction, not 24"):
        RIDNet(channels=24)
