"""zoo.upscale: modes, tiles and their seams, memory, bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from tests.support.images import photo
from zoo.inference import image_files, upscaling
from zoo.models._builder import build_model


@pytest.fixture(scope="module")
def bicubic() -> nn.Module:
    """A network whose answer is known, and which sees two pixels in each direction."""
    return build_model("bicubic_x2").eval()


def exact(image: Image.Image, network: nn.Module) -> Any:
    """The network's answer to all of an image at once."""
    pixels = np.asarray(image.convert("RGB"))
    x = torch.from_numpy(pixels.transpose(2, 0, 1) / np.float32(255))[None]
    with torch.no_grad():
        y = network(x)[0].numpy().transpose(1, 2, 0)
    return np.floor(y * 255 + 0.5).clip(0, 255)


@pytest.mark.parametrize("tile", [1, 5, 16, 1000])
def test_upscale_tiled_equals_whole_image(bicubic: nn.Module, tile: int) -> None:
    image = photo()
    actual = zoo.upscale(image, bicubic, tile=tile)
    assert (actual.mode, actual.size) == ("RGB", (74, 46))
    assert np.abs(np.asarray(actual) - exact(image, bicubic)).max() <= 1  # one rounding apart


def test_upscale_tile_overlap_hides_seams() -> None:
    torch.manual_seed(0)
    network = build_model("edsr_baseline_x2", blocks=2, channels=8).eval()
    image = photo(90, 60)
    whole, tiled = (
        np.asarray(zoo.upscale(image, network, tile=tile), dtype=int) for tile in (90, 24)
    )
    assert np.abs(whole - tiled).max() <= 1
    upscaling.OVERLAP, before = 0, upscaling.OVERLAP
    try:
        bare = np.asarray(zoo.upscale(image, network, tile=24), dtype=int)
    finally:
        upscaling.OVERLAP = before
    assert np.abs(whole - bare).max() > 1


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1"])
def test_upscale_image_mode_is_preserved(bicubic: nn.Module, mode: str) -> None:
    image = photo(mode=mode)
    actual = zoo.upscale(image, bicubic)
    assert actual.mode == {"P": "RGB", "1": "L"}.get(mode, mode)
    assert actual.size == (74, 46)
    colour = image.convert("RGB") if mode != "LA" else image.convert("L").convert("RGB")
    expected = exact(colour, bicubic)
    bare = actual.convert("RGB") if mode != "LA" else actual.convert("L").convert("RGB")
    assert np.abs(np.asarray(bare, dtype=int) - expected).max() <= 1
    if mode in ("RGBA", "LA"):
        alpha = image.getchannel("A").resize((74, 46), Image.Resampling.BICUBIC)
        assert np.array_equal(np.asarray(actual.getchannel("A")), np.asarray(alpha))


def test_upscale_16_bit_grey_stays_16_bit(bicubic: nn.Module) -> None:
    levels = np.linspace(0, 65535, 23 * 37).reshape(23, 37).astype(np.uint16)
    actual = np.asarray(zoo.upscale(Image.fromarray(levels), bicubic))
    assert actual.dtype == np.uint16
    assert len(np.unique(actual)) > 1000
    assert np.abs(actual[::2, ::2].astype(int) - levels).max() < 1500


def test_upscale_transparent_palette_returns_rgba(bicubic: nn.Module) -> None:
    image = photo(mode="P")
    image.info["transparency"] = 0
    assert zoo.upscale(image, bicubic).mode == "RGBA"


@pytest.mark.parametrize("mode", ["I", "F", "CMYK", "LAB", "RGBa"])
def test_upscale_other_modes_raise(bicubic: nn.Module, mode: str) -> None:
    with pytest.raises(ValueError, match=f"mode {mode} is not supported; convert it to RGB"):
        zoo.upscale(Image.new(mode, (4, 3)), bicubic)


@pytest.mark.parametrize(
    ("mode", "key", "other"), [("RGB", (255, 0, 255), (9, 90, 30)), ("L", 7, 90), ("1", 255, 0)]
)
def test_upscale_key_colour_becomes_alpha_alone(
    bicubic: nn.Module, mode: str, key: Any, other: Any
) -> None:
    """A colour of a tRNS chunk says where an image is transparent; it colours nothing."""
    image = Image.new(mode, (12, 8), other)
    image.paste(key, (0, 0, 6, 8))
    image.info["transparency"] = key
    large = zoo.upscale(image, bicubic)
    assert large.mode == ("RGBA" if mode == "RGB" else "LA")
    alpha = np.asarray(large.getchannel("A"))
    assert (alpha[0, 0], alpha[0, -1]) == (0, 255)
    colours = np.asarray(large)[..., :-1].reshape(-1, len(large.mode) - 1)
    assert np.abs(colours.astype(int) - np.array(other)).max() <= 1


def test_upscale_transparent_16_bit_grey_raises(bicubic: nn.Module) -> None:
    image = Image.fromarray(np.full((3, 4), 500, np.uint16))
    image.info["transparency"] = 500
    with pytest.raises(ValueError, match="16-bit grey with a transparent value is not supported"):
        zoo.upscale(image, bicubic)


def test_upscale_non_finite_output_raises(tmp_path: Path) -> None:
    """Neither black nor white: nothing is written."""
    for value in (float("nan"), float("inf")):
        network = build_model("rcan_tiny_x2").eval()
        with torch.no_grad():
            list(network.parameters())[-1][0] = value
        photo().save(tmp_path / "a.png")
        with pytest.raises(FloatingPointError, match=r"a\.png: the upscaled pixels are not finite"):
            image_files.upscale_file(tmp_path / "a.png", tmp_path / "b.png", network, 2)
        assert [f.name for f in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3)])
def test_upscale_tiny_image_has_scaled_size(bicubic: nn.Module, size: tuple[int, int]) -> None:
    assert zoo.upscale(photo(*size), bicubic).size == (2 * size[0], 2 * size[1])


def test_upscale_self_ensemble_changes_output() -> None:
    torch.manual_seed(0)
    network = build_model("rcan_x2", groups=1, blocks=1, channels=16).eval()
    plain, averaged = (
        np.asarray(zoo.upscale(photo(), network, self_ensemble=on)) for on in (False, True)
    )
    assert not np.array_equal(plain, averaged)


def test_upscale_calls_progress_for_each_tile(bicubic: nn.Module) -> None:
    calls: list[tuple[int, int]] = []
    zoo.upscale(photo(), bicubic, tile=16, on_progress=lambda *call: calls.append(call))
    assert calls == [(i, 6) for i in range(7)]


def test_tile_for_free_memory_limits_tile_size(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_model("rcan_x4", blocks=1)
    per_pixel = upscaling.memory_per_pixel(network, 4)
    assert per_pixel == 4 * (64 * 16 + 256 * 4 + 64 * 4)  # in the upsampler, last to first
    for free in (1 << 28, 1 << 30, 1 << 40):
        monkeypatch.setattr(upscaling, "free_memory", lambda free=free: free)
        side = upscaling.tile_for(network, 4)
        assert 16 <= side <= upscaling.LARGEST_TILE
        assert per_pixel * (side + 2 * upscaling.OVERLAP) ** 2 <= free
    monkeypatch.setattr(upscaling, "free_memory", lambda: 1 << 20)
    with pytest.raises(MemoryError, match="1 MiB of free memory"):
        upscaling.tile_for(network, 4)


def test_choose_tile_channel_attention_takes_whole_image_or_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network, other = build_model("rcan_x4", blocks=1), build_model("edsr_baseline_x2")
    monkeypatch.setattr(upscaling, "free_memory", lambda: 1 << 40)
    assert upscaling.choose_tile(network, 4, (900, 300)) == 900
    assert upscaling.choose_tile(other, 2, (900, 300)) == upscaling.LARGEST_TILE
    assert not caplog.records
    monkeypatch.setattr(upscaling, "free_memory", lambda: 1 << 28)
    assert upscaling.choose_tile(network, 4, (900, 300)) < 256
    assert "other tiles give another picture; --tile 900 takes the whole image" in caplog.text
    caplog.clear()
    assert upscaling.choose_tile(network, 4, (900, 300), 64) == 64
    assert "each tile of 64 pixels" in caplog.text
