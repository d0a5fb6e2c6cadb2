"""GridFormer: equal to the authors' network at three resolutions, rows, any size, their files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.fill import drawn_by_name, images, sum_of_names
from tests.models.test_all_super_resolution_parity import FILES, SAME, numbers
from tests.support.compare import relative_error
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file
from zoo.models.gridformer import blocks
from zoo.models.gridformer.convert import KEY_MAPPINGS
from zoo.models.gridformer.model import GridFormer

RECORD: dict[str, Any] = FILES[1]["gridformer"]
MAPPING: KeyMapping = KEY_MAPPINGS[1]


def ours() -> Any:
    """The recorder's network, with its weights."""
    model = build_model("gridformer", **RECORD["args"]).double().eval()
    theirs = MAPPING.from_zoo(model.state_dict())
    shapes = {key: tuple(value.shape) for key, value in theirs.items()}
    assert sum_of_names(shapes) == RECORD["names"]
    model.load_state_dict(MAPPING.to_zoo(drawn_by_name(shapes)))
    return model


def photo(height: int, width: int) -> Tensor:
    return images(20)[..., :height, :width].abs() % 1


def errors(model: Any, size: str) -> list[float]:
    """Relative errors of the images at 1, 1/2 and 1/4."""
    expected = torch.tensor(RECORD["numbers"][size], dtype=torch.float64)
    with torch.inference_mode():
        outputs = model.pyramid(photo(*map(int, size.split("x"))))
    return [relative_error(numbers(y), e) for y, e in zip(outputs, expected, strict=True)]


def test_gridformer_equals_authors_outputs() -> None:
    """In whole samples of attention, and in images that attention mirrors."""
    model = ours()
    for size in RECORD["numbers"]:
        assert max(errors(model, size)) <= 100 * SAME


def own_values(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tensor, "flip", lambda self, *_: self)


def no_temperature(model: Any, patch: pytest.MonkeyPatch) -> None:
    for name, parameter in model.named_parameters():
        if name.endswith("temperature"):
            nn.init.ones_(parameter)


def coefficients_exchanged(model: Any, patch: pytest.MonkeyPatch) -> None:
    model.coefficient.data = model.coefficient.data.flip(2)


def no_images_below(model: Any, patch: pytest.MonkeyPatch) -> None:
    for extract in model.extract:
        nn.init.zeros_(extract[0].weight)


def relu_in_feed_forward(model: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(blocks.F, "gelu", torch.relu)


CHANGES = (
    own_values,
    no_temperature,
    coefficients_exchanged,
    no_images_below,
    relu_in_feed_forward,
)


@pytest.mark.parametrize("change", CHANGES)
def test_golden_error_wrong_variant_exceeds_bound(
    change: Callable[[Any, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ours()
    change(model, monkeypatch)
    assert errors(model, "8x16")[0] > 1e-4


@torch.inference_mode()
def test_zero_coefficients_of_other_rows_leave_first_row() -> None:
    """The image then passes through the dense networks of the first row alone."""
    model, x = ours(), photo(8, 16)
    model.coefficient[:, :, 1] = 0
    y = model.first(model.conv_in(x))
    for j in range(5):
        y = model.dense[f"0_{j}"](y) * (
            1 if j < 2 else model.coefficient[0, j + 1, 0, :16, None, None]
        )
    assert relative_error(model(x), model.conv_out(model.last(y)) + x) <= 1e-12


@torch.inference_mode()
def test_gridformer_of_any_size_is_that_of_mirrored_image() -> None:
    model, x = ours(), photo(6, 15)
    padded = nn.functional.pad(x, (0, 1, 0, 2), "reflect")
    assert torch.equal(model(x), model(padded)[..., :6, :15])
    assert torch.equal(model(padded), model.pyramid(padded)[0])
    assert model(x[..., :1, :1]).shape == (2, 3, 1, 1)


def test_gridformer_params_match_configuration_and_printed_convolutions() -> None:
    model = build_model("gridformer", device="meta")
    assert sum(p.numel() for p in model.parameters()) == 30_202_439
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert sum(p.numel() for m in convolutions for p in m.parameters()) == 30_122_309
    defaults = build_model("gridformer", device="meta", depths=(2, 3, 4))
    assert sum(p.numel() for p in defaults.parameters()) == 34_072_791


@pytest.mark.slow
def test_convert_file_detects_gridformer(tmp_path: Path) -> None:
    state = MAPPING.from_zoo(build_model("gridformer").state_dict())
    torch.save({"params": state}, tmp_path / "net_g.pth")
    actual = convert_file(tmp_path / "net_g.pth")
    assert (actual.model, actual.args, actual.keys) == ("gridformer", {}, "TaoWangzj/GridFormer")


def test_gridformer_checkpointing_keeps_gradients_of_all_resolutions() -> None:
    model, x, gradients = ours().train(), photo(8, 16), []
    for enable in (False, True):
        model.set_grad_checkpointing(enable)
        model.zero_grad()
        torch.stack([y.square().mean() for y in model.pyramid(x)]).sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    assert all(map(torch.equal, *gradients))


def test_gridformer_invalid_channels_raise() -> None:
    with pytest.raises(ValueError, match="channels must be a multiple of 4 and growth of 16"):
        GridFormer(channels=18)
