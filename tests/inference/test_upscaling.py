"""`zoo upscale` and zoo.upscale: modes, metadata, tiles and their seams, memory, bad input."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch import nn
from typer.testing import CliRunner

import zoo
from tests.conftest import ROOT
from zoo import cli
from zoo.checkpoints.writing import save_safetensors
from zoo.cli import app
from zoo.inference import image_files, upscaling
from zoo.models._builder import build_model
from zoo.models._registry import UnknownNameError


@pytest.fixture(scope="module")
def bicubic() -> nn.Module:
    """A network whose answer is known, and which sees two pixels in each direction."""
    return build_model("bicubic_x2").eval()


def photo(width: int = 37, height: int = 23, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (height, width, 4)), 0), 1)
    pixels = 128 + 100 * smooth / np.abs(smooth).max((0, 1))
    return Image.fromarray(pixels.astype(np.uint8), "RGBA").convert(mode)


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


def test_upscale_cmyk_mode_raises(bicubic: nn.Module) -> None:
    with pytest.raises(ValueError, match="mode CMYK is not upscaled; convert it to RGB"):
        zoo.upscale(photo(mode="CMYK"), bicubic)


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


# Files


def run(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["upscale", *map(str, args)])


@pytest.fixture
def weights(tmp_path: Path) -> tuple[str, ...]:
    """Options for a network with drawn weights."""
    torch.manual_seed(0)
    file = tmp_path / "rcan.safetensors"
    save_safetensors(build_model("rcan_tiny_x2").state_dict(), file, {})
    return "--model", "rcan_tiny_x2", "--weights", str(file)


def test_upscale_command_preserves_profile_exif_and_dpi(
    tmp_path: Path, weights: tuple[str, ...]
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA002] = 37
    source = tmp_path / "a.jpg"
    photo().save(source, icc_profile=profile, exif=exif, dpi=(300, 300))
    for suffix in (".png", ".jpg", ".webp"):
        done = run(source, "-o", tmp_path / f"b{suffix}", *weights)
        assert done.exit_code == 0, done.output
        with Image.open(tmp_path / f"b{suffix}") as large:
            assert large.size == (74, 46)  # not turned: the orientation is
            assert large.info["icc_profile"] == profile
            assert large.getexif()[0x0112] == 6
            if suffix in (".png", ".jpg"):
                assert large.getexif().get_ifd(0x8769)[0xA002] == 74
                assert round(large.info["dpi"][0]) == 300
    assert not list(tmp_path.glob(".*part*"))


def test_upscale_command_files_and_folders_write_images(
    tmp_path: Path, weights: tuple[str, ...]
) -> None:
    home = tmp_path / "in"
    home.mkdir()
    for name in ("a.png", "b.jpg"):
        photo().save(home / name)
    (home / "notes.txt").write_text("no image")
    assert run(home, "-o", tmp_path / "out", *weights).exit_code == 0
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["a_x2.png", "b_x2.png"]
    assert run(home / "a.png", home / "b.jpg", *weights).exit_code == 0
    assert (home / "a_x2.png").is_file()


def test_upscale_command_bad_arguments_raise_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"no file at .*none\.png"):
        image_files.plan([tmp_path / "none.png"], None, 2)
    photo().save(tmp_path / "a.png")
    photo().save(tmp_path / "a.jpg")
    files = [tmp_path / "a.png", tmp_path / "a.jpg"]
    with pytest.raises(ValueError, match="two of the images have one name"):
        image_files.plan(files, tmp_path / "out", 2)
    with pytest.raises(ValueError, match="2 images do not fit into"):
        image_files.plan(files, tmp_path / "b.png", 2)
    with pytest.raises(ValueError, match="nor a folder"):
        image_files.plan(files[:1], tmp_path / "b.gif", 2)
    with pytest.raises(ValueError, match="overwritten"):
        image_files.plan(files[:1], files[0], 2)
    with pytest.raises(ValueError, match="no images in"):
        image_files.plan([tmp_path / "out"], None, 2)
    monkeypatch.setattr(sys, "argv", ["zoo", "upscale", str(files[0]), "--model", "rcan"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert "rcan_x2 has no weights" in line
    with pytest.raises(ValueError, match="rcan_x3 upscales by 3, not 2"):
        upscaling.load("rcan_x3", 2)
    with pytest.raises(ValueError, match="resnet20 does not upscale"):
        upscaling.load("resnet20", 2)
    with pytest.raises(UnknownNameError, match="the nearest are"):
        upscaling.load("rcam", 2)


def test_upscale_file_unsupported_image_raises(tmp_path: Path, bicubic: nn.Module) -> None:
    def refuse(path: Path, says: str, to: str = "b.png") -> None:
        with pytest.raises(ValueError, match=says):
            image_files.upscale_file(path, tmp_path / to, bicubic, 2)
        assert not (tmp_path / to).exists()

    broken = tmp_path / "broken.png"
    photo().save(broken)
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(OSError, match="truncated"):
        image_files.upscale_file(broken, tmp_path / "b.png", bicubic, 2)
    (tmp_path / "text.png").write_text("no image")
    refuse(tmp_path / "text.png", "not an image that can be read")
    photo().save(tmp_path / "two.tif", save_all=True, append_images=[photo()])
    refuse(tmp_path / "two.tif", "has 2 frames")
    photo(mode="RGBA").save(tmp_path / "alpha.png")
    refuse(tmp_path / "alpha.png", "a JPEG holds no RGBA", "b.jpg")
    deep = np.zeros((4, 4, 3), np.uint16)
    (tmp_path / "deep.png").write_bytes(png16(deep))
    refuse(tmp_path / "deep.png", "16 bits per colour")


def png16(pixels: Any) -> bytes:
    """A PNG file of 16 bits per colour, which Pillow cannot write."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    height, width = pixels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


LARGE = """
import sys
from pathlib import Path
import numpy as np
import torch
from PIL import Image
from zoo.inference import image_files
from zoo.models._builder import build_model
from zoo.evaluation.memory import PeakMemory
Image.MAX_IMAGE_PIXELS = None
source = Path(sys.argv[1])
rng = np.random.default_rng(0)
Image.fromarray(rng.integers(0, 256, (3000, 4000, 3), dtype=np.uint8)).save(source)
network = build_model("rcan_tiny_x4", groups=1, blocks=1, channels=16).eval()
peak = PeakMemory(torch.device("cpu"))
before = peak.bytes()
size = image_files.upscale_file(source, source.with_name("b.bmp"), network, 4)
print(*size, peak.bytes() - before)
"""


@pytest.mark.slow
def test_upscale_file_large_photo_has_bounded_memory(tmp_path: Path) -> None:
    """4000x3000 -> 16000x12000: 550 MiB of pixels; the rest does not grow with the image."""
    command = [sys.executable, "-c", LARGE, str(tmp_path / "a.bmp")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    width, height, taken = map(int, done.stdout.split())
    assert (width, height) == (16000, 12000)
    assert 550 * 2**20 < taken < 3 * 2**30
