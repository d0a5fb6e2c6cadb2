"""Pixels keep their scale in every mode, and hostile files end in one sentence."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.data.image_reading import load_image, to_mode
from zoo.data.imagenet import class_names, open_classes

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


def bomb(path: Path, side: int = 60_000) -> Path:
    """A PNG of a few bytes that says it has `side` x `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_to_mode_16_bit_grey_is_scaled(suffix: str, mode: str, tmp_path: Path) -> None:
    file = tmp_path / f"grey.{suffix}"
    Image.fromarray(GREY.astype(np.uint16) * 257).save(file)
    expected = np.asarray(Image.fromarray(GREY).convert(mode))
    assert np.array_equal(np.asarray(to_mode(load_image(file), mode)), expected)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_to_mode_unknown_scale_raises(mode: str) -> None:
    with pytest.raises(ValueError, match=f"mode {mode} does not say which value is white"):
        to_mode(Image.new(mode, (2, 2)), "L")


@pytest.mark.parametrize("channels", [1, 3])
def test_transform_16_bit_grey_equals_8_bit(channels: int) -> None:
    transform = zoo.transform(zoo.create("resnet20", in_chans=channels))
    eight, sixteen = Image.fromarray(GREY), Image.fromarray(GREY.astype(np.uint16) * 257)
    assert transform(eight).shape == (channels, 32, 32)
    assert transform(eight).equal(transform(sixteen))


def test_transform_of_other_channels_raises() -> None:
    with pytest.raises(ValueError, match="becomes 1 or 3 channels; the network takes 4"):
        zoo.transform(zoo.create("resnet20", in_chans=4))


@pytest.mark.parametrize("content", ["bomb", "empty", "text", "half"])
def test_load_image_hostile_file_raises_with_its_name(content: str, tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    Image.fromarray(GREY).save(file)
    whole = file.read_bytes()
    bomb(file) if content == "bomb" else file.write_bytes(
        {"empty": b"", "text": b"hello", "half": whole[: len(whole) // 2]}[content]
    )
    with pytest.raises(ValueError, match=r"image\.png is not an image that can be read: "):
        load_image(file)


def folders(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        Image.fromarray(GREY).save(root / name / "a.png")
    return root


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "2", "0", "11", "1"], ["0", "1", "2", "10", "11"]),
        (["10", "2", "b"], ["10", "2", "b"]),
        (["b", ".cache", "a", "__MACOSX"], ["a", "b"]),
    ],
)
def test_class_names_are_in_order_of_numbers_or_text(
    names: list[str], expected: list[str], tmp_path: Path
) -> None:
    assert class_names(folders(tmp_path, *names)) == expected


def test_open_classes_labels_follow_numbers_and_skip_hidden_files(tmp_path: Path) -> None:
    root = folders(tmp_path, "10", "2", ".git")
    (root / "2" / "._a.png").write_bytes(b"AppleDouble")
    (root / "2" / ".thumbnails").mkdir()
    (root / "2" / ".thumbnails" / "a.png").write_bytes(b"")
    samples = open_classes(root)
    labels = {Path(file).parent.name: label for file, label in samples.samples}
    assert (labels, len(samples)) == ({"2": 0, "10": 1}, 2)
    assert samples.where(0).endswith("a.png")
