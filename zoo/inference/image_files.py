"""Upscaling of image files: which file becomes which, reading and writing."""

import struct
from collections.abc import Iterable, Iterator
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
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


def list_images(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files as they are, and the images of folders in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
        else:
            yield path


def plan(images: Iterable[Path], output: Path | None, scale: int) -> list[tuple[Path, Path]]:
    """Return (source, target) for each image.

    Args:
        images: files and folders.
        output: a file for one image, a folder, or None for NAME_x<scale>.png beside each.
        scale: for the names.

    Raises:
        ValueError: there are no images, or two of them or a source would be overwritten.
    """
    files = list(list_images(images))
    if not files:
        raise ValueError(
            f"no images in {', '.join(map(str, images))}; known are {', '.join(SUFFIXES)}"
        )
    for file in files:
        if not file.is_file():
            raise ValueError(f"no file at {file}")
    targets = _targets(files, output, scale)
    if len(set(targets)) < len(targets):
        raise ValueError("two of the images have one name; upscale them into folders of their own")
    for file, target in zip(files, targets, strict=True):
        if target == file:
            raise ValueError(f"{file} would be overwritten by its own upscaling")
        if target in files:
            raise ValueError(
                f"{target} is there already and among the images: it may be {file.name} upscaled "
                "before; remove it, or write to another folder (-o)"
            )
    return list(zip(files, targets, strict=True))


def _targets(files: list[Path], output: Path | None, scale: int) -> list[Path]:
    """Return the path of each upscaled image; create the folder `output`."""
    if output and output.suffix and not output.is_dir():
        if output.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{output} is not an image of {', '.join(SUFFIXES)}, nor a folder")
        if len(files) > 1:
            raise ValueError(f"{len(files)} images do not fit into {output}; name a folder")
        return [output]
    if output:
        output.mkdir(parents=True, exist_ok=True)
    return [(output or file.parent) / f"{file.stem}_x{scale}.png" for file in files]


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
