"""`zoo upscale`: formats, metadata, folders, files that cannot be read."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational
from torch import nn
from typer.testing import CliRunner

import zoo
from tests.conftest import ROOT
from tests.support.images import photo, png
from zoo import cli
from zoo.checkpoints.writing import save_safetensors
from zoo.cli import app
from zoo.inference import image_files, image_paths, upscaling
from zoo.models._builder import build_model
from zoo.models._registry import UnknownNameError


@pytest.fixture(scope="module")
def bicubic() -> nn.Module:
    """A network whose answer is known, and which sees two pixels in each direction."""
    return build_model("bicubic_x2").eval()


def run(*args: str | Path) -> Any:
    return CliRunner().invoke(app, ["upscale", *map(str, args)])


@pytest.fixture
def weights(tmp_path: Path) -> tuple[str, ...]:
    """Options for a network with drawn weights."""
    torch.manual_seed(0)
    file = tmp_path / "rcan.safetensors"
    save_safetensors(build_model("rcan_tiny_x2").state_dict(), file, {})
    return "--model", "rcan_tiny_x2", "--weights", str(file)


@pytest.mark.parametrize(("model", "size"), [("bicubic_x3", (96, 72)), ("carn_m", (64, 48))])
def test_upscale_command_without_scale_takes_models(
    model: str, size: tuple[int, int], tmp_path: Path
) -> None:
    Image.new("RGB", (32, 24)).save(tmp_path / "a.png")
    save_safetensors(build_model(model).state_dict(), tmp_path / "w.safetensors", {})
    done = run(tmp_path / "a.png", "--model", model, "--weights", tmp_path / "w.safetensors")
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / f"a_x{size[0] // 32}.png") as large:
        assert large.size == size


def test_upscale_command_preserves_profile_exif_and_dpi(
    tmp_path: Path, weights: tuple[str, ...]
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA002] = 37
    exif.get_ifd(0x8769)[0xA005] = {1: "R98"}
    exif.get_ifd(0x8825)[1] = "N"
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
                assert large.getexif().get_ifd(0x8769) == {0xA002: 74}
                assert large.getexif().get_ifd(0x8825) == {1: "N"}
                assert round(large.info["dpi"][0]) == 300
    assert not list(tmp_path.glob(".*part*"))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_upscale_file_tiff_keeps_descriptions_not_structure(
    tmp_path: Path, bicubic: nn.Module, mode: str, compression: str | None
) -> None:
    """What describes the small file's pixels is not said of the large one, in any format."""
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    source = tmp_path / "a.tif"
    image = photo(mode=mode) if mode != "I;16" else Image.fromarray(np.zeros((23, 37), np.uint16))
    image.save(source, compression=compression, exif=exif, dpi=(300, 300))
    expected = zoo.upscale(image, bicubic)
    for suffix in (".tif", ".png", ".jpg", ".webp", ".bmp"):
        target = tmp_path / f"b{suffix}"
        held = {".jpg": ("L", "RGB"), ".bmp": ("L", "RGB"), ".webp": ("L", "LA", "RGB", "RGBA")}
        if expected.mode not in held.get(suffix, (expected.mode,)):
            with pytest.raises(ValueError, match=f"holds no {expected.mode}; write .* to a .png"):
                image_files.upscale_file(source, target, bicubic, 2)
            continue
        assert image_files.upscale_file(source, target, bicubic, 2) == (74, 46)
        with Image.open(target) as large:
            if suffix in (".tif", ".png"):
                assert np.array_equal(np.asarray(large), np.asarray(expected))
            if suffix == ".tif":
                assert (large.tag_v2[256], large.tag_v2[257]) == large.size == (74, 46)
            else:
                assert not {256, 257, 258, 259, 262, 273, 279} & set(large.getexif())
            if suffix != ".bmp":
                assert large.getexif()[0x010F] == "a maker"
            if suffix != ".webp":
                assert round(large.info["dpi"][0]) == 300


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp", ".bmp"])
def test_upscale_file_undefined_resolution_is_left_out(
    tmp_path: Path, bicubic: nn.Module, suffix: str
) -> None:
    source, target = tmp_path / "a.tif", tmp_path / f"b{suffix}"
    nothing = IFDRational(0, 0)
    photo().save(source, tiffinfo={282: nothing, 283: nothing, 296: 2})
    image_files.upscale_file(source, target, bicubic, 2)
    with Image.open(target) as large:
        assert np.isfinite(large.info.get("dpi", (1, 1))).all()
        assert suffix == ".tif" or 282 not in large.getexif()


def test_upscale_file_low_depth_key_is_scaled(tmp_path: Path, bicubic: nn.Module) -> None:
    """Grey of 4 bits: Pillow scales the pixels, not the key."""
    rows = np.array([[0x33, 0x33, 0xBB, 0xBB]] * 8, np.uint8)
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    source.write_bytes(png(rows.tobytes(), width=8, height=8, bits=4, colour=0, key=3))
    image_files.upscale_file(source, target, bicubic, 2)
    with Image.open(target) as large:
        assert (large.mode, large.getpixel((0, 0))[1]) == ("LA", 0)
        assert large.getpixel((15, 15)) == (0xBB, 255)


def test_upscale_file_big_endian_16_bit_grey_keeps_values(
    tmp_path: Path, bicubic: nn.Module
) -> None:
    levels = np.linspace(0, 65535, 23 * 37).reshape(23, 37).astype(np.uint16)
    image = Image.frombytes("I;16B", (37, 23), levels.astype(">u2").tobytes())
    image.save(tmp_path / "a.tif")
    image_files.upscale_file(tmp_path / "a.tif", tmp_path / "b.png", bicubic, 2)
    with Image.open(tmp_path / "b.png") as large:
        expected = zoo.upscale(Image.fromarray(levels), bicubic)
        assert np.array_equal(np.asarray(large), np.asarray(expected))


def test_upscale_file_phone_picture_takes_first_frame(tmp_path: Path, bicubic: nn.Module) -> None:
    source = tmp_path / "phone.jpg"
    photo().save(source, "MPO", save_all=True, append_images=[photo(9, 9)])
    assert image_files.upscale_file(source, tmp_path / "b.png", bicubic, 2) == (74, 46)


def test_upscale_command_broken_file_does_not_stop_folder(
    tmp_path: Path, weights: tuple[str, ...]
) -> None:
    """Each file that fails is named; the rest is written; the exit code says that some failed."""
    home = tmp_path / "in"
    home.mkdir()
    photo().save(home / "a.png")
    photo(mode="CMYK").save(home / "c.jpg")
    photo().save(home / "t.jpg")
    (home / "t.jpg").write_bytes((home / "t.jpg").read_bytes()[:400])
    (home / "._a.jpg").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    photo().save(home / "z.png")
    done = run(home, "-o", tmp_path / "out", *weights)
    assert done.exit_code == 1, done.output
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["a_x2.png", "z_x2.png"]
    lines = done.stderr.splitlines()
    assert [name for line in lines for name in ("._a.jpg", "c.jpg", "t.jpg") if name in line] == [
        "._a.jpg",
        "c.jpg",
        "t.jpg",
    ]
    assert lines[-1] == "zoo: 3 of 5 images were not upscaled"


def test_upscale_command_folder_in_place_twice_names_earlier_output(
    tmp_path: Path, weights: tuple[str, ...]
) -> None:
    photo().save(tmp_path / "a.png")
    assert run(tmp_path, *weights).exit_code == 0
    before = (tmp_path / "a_x2.png").read_bytes()
    done = run(tmp_path, *weights)
    assert "a_x2.png is there already and among the images" in str(done.exception)
    assert (tmp_path / "a_x2.png").read_bytes() == before


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
        image_paths.plan([tmp_path / "none.png"], None, 2)
    photo().save(tmp_path / "a.png")
    photo().save(tmp_path / "a.jpg")
    files = [tmp_path / "a.png", tmp_path / "a.jpg"]
    with pytest.raises(ValueError, match="two of the images have one name"):
        image_paths.plan(files, tmp_path / "out", 2)
    with pytest.raises(ValueError, match="2 images do not fit into"):
        image_paths.plan(files, tmp_path / "b.png", 2)
    with pytest.raises(ValueError, match="nor a folder"):
        image_paths.plan(files[:1], tmp_path / "b.gif", 2)
    with pytest.raises(ValueError, match="overwritten"):
        image_paths.plan(files[:1], files[0], 2)
    with pytest.raises(ValueError, match="no images in"):
        image_paths.plan([tmp_path / "out"], None, 2)
    monkeypatch.setattr(sys, "argv", ["zoo", "upscale", str(files[0]), "--model", "rcan"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert "rcan_x2 has no default weights" in line
    with pytest.raises(ValueError, match="rcan_x3 upscales by 3, not 2"):
        upscaling.load("rcan_x3", 2)
    for name in ("resnet20", "resmlp_12_224"):
        with pytest.raises(ValueError, match=f"{name} does not upscale"):
            upscaling.load(name, 2)
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
    refuse(broken, r"broken\.png is not an image that can be read: .*truncated")
    (tmp_path / "text.png").write_text("no image")
    refuse(tmp_path / "text.png", "not an image that can be read")
    photo().save(tmp_path / "two.tif", save_all=True, append_images=[photo()])
    refuse(tmp_path / "two.tif", "has 2 frames")
    photo(mode="CMYK").save(tmp_path / "cmyk.jpg")
    refuse(tmp_path / "cmyk.jpg", r"cmyk\.jpg: an image of mode CMYK is not supported")
    photo(mode="RGBA").save(tmp_path / "alpha.png")
    refuse(tmp_path / "alpha.png", "a JPEG holds no RGBA", "b.jpg")
    (tmp_path / "deep.png").write_bytes(png(bytes(4 * 4 * 6), width=4, height=4, bits=16, colour=2))
    refuse(tmp_path / "deep.png", "16 bits per colour")


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
Image.fromarray(rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8)).save(source)
network = build_model("rcan_tiny_x4", groups=1, blocks=1, channels=16).eval()
peak = PeakMemory(torch.device("cpu"))
before = peak.bytes()
size = image_files.upscale_file(source, source.with_name("b.bmp"), network, 4)
print(*size, peak.bytes() - before)
"""


@pytest.mark.slow
def test_upscale_file_large_photo_has_bounded_memory(tmp_path: Path) -> None:
    """2000x1500 -> 8000x6000: 137 MiB of pixels; the rest does not grow with the image."""
    command = [sys.executable, "-c", LARGE, str(tmp_path / "a.bmp")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    width, height, taken = map(int, done.stdout.split())
    assert (width, height) == (8000, 6000)
    assert 137 * 2**20 < taken < 2.6 * 2**30
