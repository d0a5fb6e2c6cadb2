"""Tiles, chopped forward passes, self-ensemble."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.inference.tiling import AtScale, crop_overlap, forward_chop, self_ensemble, tiles, to_uint8
from zoo.models._builder import build_model


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(0, 9))
def test_tiles_cover_every_pixel_once(height: int, width: int, size: int, overlap: int) -> None:
    seen = np.zeros((3 * height, 3 * width), int)
    image = np.arange(height * width).reshape(height, width)
    large = image.repeat(3, 0).repeat(3, 1)
    for tile in tiles(height, width, size, overlap):
        top, bottom, left, right = (3 * n for n in tile.core)
        y, y_end, x, x_end = tile.padded
        actual = image[y:y_end, x:x_end].repeat(3, 0).repeat(3, 1)
        assert np.array_equal(actual[crop_overlap(tile, 3)], large[top:bottom, left:right])
        seen[top:bottom, left:right] += 1
    assert (seen == 1).all()


def test_tiles_invalid_sizes_raise() -> None:
    with pytest.raises(ValueError, match="not 0, 2"):
        list(tiles(4, 4, 0, 2))


@settings(deadline=None)
@given(st.integers(4, 50), st.integers(4, 50), st.sampled_from([1, 300, 160_000]))
def test_forward_chop_small_receptive_field_matches_whole(h: int, w: int, pixels: int) -> None:
    """Bicubic interpolation sees two pixels, the authors' crops overlap by ten."""
    model = build_model("bicubic_x2")
    x = torch.rand(1, 3, h, w, dtype=torch.float64, generator=torch.Generator().manual_seed(h * w))
    shown: list[int] = []

    def upscale(part: torch.Tensor) -> torch.Tensor:
        shown.append(part.shape[-1] * part.shape[-2])
        return model(part)

    whole = model(x)
    actual = forward_chop(upscale, x, 2, 10, max(pixels, 1200))
    torch.testing.assert_close(actual, whole, rtol=0, atol=1e-12)
    assert len(shown) >= 4
    assert max(shown) < max(pixels, 1200)


def test_forward_chop_channel_attention_sees_only_crop() -> None:
    torch.manual_seed(0)
    model = build_model("rcan_x2", groups=1, blocks=2, channels=16, reduction=2).double()
    x = torch.rand(1, 3, 64, 48, dtype=torch.float64)
    with torch.no_grad():
        whole, cropped = model(x), forward_chop(model, x, 2)
    assert 1e-4 < (whole - cropped).abs().max().item() * 255 < 5


def test_self_ensemble_is_mean_of_eight_positions() -> None:
    kernel = torch.rand(1, 1, 3, 3, dtype=torch.float64)

    def uneven(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, kernel, padding=1)

    x = torch.rand(1, 1, 7, 9, dtype=torch.float64)
    turns = [(k, m) for k in range(4) for m in (False, True)]
    expected = torch.zeros_like(x)
    for k, mirrored in turns:
        turned = torch.rot90(x.flip(-1) if mirrored else x, k, (-2, -1))
        back = torch.rot90(uneven(turned), -k, (-2, -1))
        expected += (back.flip(-1) if mirrored else back) / 8
    torch.testing.assert_close(self_ensemble(uneven, x), expected)


def test_to_uint8_values_are_clipped_and_rounded_half_up() -> None:
    x = torch.tensor([-0.1, 0.0, 0.5 / 255, 1.4999 / 255, 1.0, 1.2])
    assert to_uint8(x).tolist() == [0, 0, 1, 1, 255, 255]


def test_at_scale_takes_that_scale() -> None:
    """Of a network of several scales, and of one."""
    x = torch.rand(1, 3, 9, 7)
    with torch.inference_mode():
        several, one = build_model("carn_m").eval(), build_model("rcan_tiny_x2").eval()
        assert torch.equal(AtScale(several, 3)(x), several(x, scale=3))
        assert torch.equal(AtScale(one, 2)(x), one(x))
