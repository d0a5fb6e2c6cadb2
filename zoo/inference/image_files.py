"""Upscaling of image files: reading and writing."""

import struct
from pathlib import Path

from PIL import Image
from torch import nn

from zoo._io import atomic_path
from zoo.data.image_reading import READ_ERRORS
from zoo.inference.upscaling import EXIF_IFD, OnProgress, split, upscale

QUALITY = {"JPEG": 95, "WEBP": 95}
MODES = {  # of upscaled images that a format holds; the formats that are not here hold all
    "JPEG": ("L", "RGB"),
    "WEBP": ("L", "LA", "RGB", "RGBA"),
    "BMP": ("L", "RGB"),
}
PHOTOMETRIC, WHITE_IS_ZERO = 0x0106, 0  # tag of TIFF, and a value of it
KEY_SCALES = {"L;2": 85, "L;4": 17}  # Pillow scales grey of 2 and 4 bits, not its transparent value


def upscale_file(
    source: Path,
    target: Path,
    network: nn.Module,
    scale: int,
    *,
    tile: int | None = None,
    self_ensemble: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> tuple[int, int]:
    """Upscale an image file and return the new size; for the options see `upscale`.

    Raises:
        ValueError: the source is not a single image of 8 bits per colour or 16 bits of grey, or
            the target's format cannot hold it.
        FloatingPointError: the network's output is not finite.
    """
    image, image_format = _read(source), _format(target)
    try:
        colour, alpha = split(image)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    mode = colour.mode + ("A" if alpha else "")
    if mode not in MODES.get(image_format, (mode,)):
        raise ValueError(f"a {image_format} holds no {mode}; write {source} to a .png")
    try:
        large = upscale(
            image,
            network,
            scale=scale,
            tile=tile,
            self_ensemble=self_ensemble,
            on_progress=on_progress,
        )
    except FloatingPointError as error:
        raise FloatingPointError(f"{source}: {error}") from None
    _write(large, target)
    return large.size


def _format(path: Path) -> str:
    """Return Pillow's name for the format of a suffix."""
    return Image.registered_extensions()[path.suffix.lower()]


def _write(image: Image.Image, path: Path) -> None:
    """Write an image with its metadata, whole or not at all."""
    image_format = _format(path)
    options = {str(key): value for key, value in image.info.items()}
    if image_format in QUALITY:
        options["quality"] = QUALITY[image_format]
    with atomic_path(path) as temporary:
        try:
            image.save(temporary, image_format, **options)
        except (ValueError, TypeError, struct.error) as error:
            raise ValueError(f"{path} cannot be written: {error}") from None


def _read(path: Path) -> Image.Image:
    """Read the single image of a file, or the first picture of a phone."""
    try:
        with Image.open(path) as image:
            raw_modes = [str(entry[3]) for entry in getattr(image, "tile", [])]
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            image.load()
            image.getexif().get_ifd(EXIF_IFD)  # read while the file is open
    except READ_ERRORS as error:
        raise ValueError(f"{path} is not an image that can be read: {error}") from None
    if frames > 1:
        raise ValueError(f"{path} has {frames} frames; only single images are upscaled")
    _check_depth(path, image, raw_modes)
    if raw_modes and raw_modes[0] in KEY_SCALES and "transparency" in image.info:
        image.info["transparency"] *= KEY_SCALES[raw_modes[0]]
    return image


def _check_depth(path: Path, image: Image.Image, raw_modes: list[str]) -> None:
    """Raise ValueError for pixels that Pillow reads at another scale than the file has."""
    is_grey16 = image.mode.startswith("I;16")
    if not is_grey16 and any("16" in mode for mode in raw_modes):
        raise ValueError(f"{path} has 16 bits per colour; only 8 would be read, so save it with 8")
    if any("I;12" in mode for mode in raw_modes):
        raise ValueError(f"{path} has 12 bits of grey; save it with 8 or 16")
    if is_grey16 and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        raise ValueError(f"{path} has 16-bit grey in which 0 is white; save it with 0 as black")
