"""DRCT: spandrel's network and its files, any size, groups that change nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch
from spandrel.architectures.DRCT import DRCT
from torch import Tensor, nn

from tests.golden.fill import images
from tests.support.compare import relative_error
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file
from zoo.models.drct import model as drct
from zoo.models.drct.convert import KEY_MAPPINGS
from zoo.modules.super_resolution import mirror_to_multiple

MAPPING: KeyMapping = KEY_MAPPINGS[1]
NARROW = {"groups": 2, "channels": 12, "growth": 6, "window": 4}


def both(scale: int) -> tuple[Any, nn.Module]:
    """Our network and spandrel's with the same weights, in float64."""
    theirs = DRCT(
        img_size=16,
        window_size=4,
        embed_dim=12,
        depths=(6, 6),
        num_heads=(6, 6),
        mlp_ratio=2,
        upscale=scale,
        upsampler="pixelshuffle",
        gc=6,
    ).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    ours = build_model(f"drct_x{scale}", **NARROW).double()
    ours.load_state_dict(MAPPING.to_zoo(theirs.state_dict()))
    return ours.eval(), theirs.eval()


def photo(height: int, width: int) -> Tensor:
    return images(20)[..., :height, :width].abs() % 1


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.inference_mode()
def test_drct_equals_spandrel(scale: int) -> None:
    """In whole windows, more and fewer than those of img_size."""
    ours, theirs = both(scale)
    for height, width in ((12, 20), (16, 16), (4, 4)):
        x = photo(height, width)
        assert relative_error(ours(x), theirs(x)) <= 1e-12


@pytest.mark.parametrize("change", ["heads", "slope", "scale", "shift", "norm"])
@torch.inference_mode()
def test_drct_wrong_variant_differs_from_spandrel(change: str) -> None:
    ours, theirs = both(2)
    for group in ours.body.groups:
        if change == "slope":
            group.act = nn.LeakyReLU(0.01)
        if change == "heads":
            group.blocks[0].attn.num_heads = 2
            group.blocks[0].attn.relative_position_bias_table.data = torch.zeros(49, 2).double()
        if change == "shift":
            group.blocks[1].shift_size = (0, 0)
        if change == "scale":
            group.adjust[4].weight.data *= 5
    if change == "norm":
        ours.body.embed = nn.Identity()
    x = photo(12, 20)
    assert relative_error(ours(x), theirs(x)) > 1e-3


@torch.inference_mode()
def test_drct_of_any_size_is_that_of_mirrored_image() -> None:
    ours, theirs = both(2)
    x = photo(5, 7)
    padded = nn.functional.pad(x, (0, 1, 0, 3), "reflect")
    assert relative_error(ours(x), theirs(padded)[..., :10, :14]) <= 1e-12
    assert ours(x[..., :1, :1]).shape == (2, 3, 2, 2)
    row = mirror_to_multiple(torch.arange(3).view(1, 1, 3), 8)
    assert row[0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]


@torch.inference_mode()
def test_group_with_zero_last_adjustment_is_identity() -> None:
    ours, _ = both(2)
    group, x = ours.body.groups[0], torch.rand(2, 8, 4, 12).double()
    assert not torch.equal(group(x), x)
    nn.init.zeros_(group.adjust[4].weight)
    nn.init.zeros_(group.adjust[4].bias)
    assert torch.equal(group(x), x)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("drct_x2", 13_991_867),
        ("drct_x3", 14_176_507),
        ("drct_x4", 14_139_579),
        ("drct_l_x4", 27_580_719),
    ],
)
def test_drct_params_match_authors_count(name: str, params: int) -> None:
    assert sum(p.numel() for p in build_model(name, device="meta").parameters()) == params


@pytest.mark.slow
def test_convert_file_detects_drct_with_buffers(tmp_path: Path) -> None:
    """Authors' files hold the positions of a window and masks, which the zoo computes."""
    state = MAPPING.from_zoo(build_model("drct_x3").state_dict())
    state["layers.0.swin1.attn.relative_position_index"] = torch.zeros(256, 256)
    state["layers.5.swin2.attn_mask"] = torch.zeros(16, 256, 256)
    torch.save({"params_ema": state}, tmp_path / "DRCT_X3.pth")
    actual = convert_file(tmp_path / "DRCT_X3.pth")
    assert (actual.model, actual.args, actual.keys) == ("drct_x3", {}, "ming053l/DRCT")


def test_drct_invalid_arguments_raise() -> None:
    with pytest.raises(ValueError, match="scale must be one of 2, 3, 4, not 8"):
        drct.DRCT(scale=8)
    with pytest.raises(ValueError, match="must divide width, not 5 of 13"):
        drct.DRCT(channels=13, groups=1)
