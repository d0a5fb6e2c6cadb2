"""Upscaling of image files: which file becomes which, reading and writing."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from torch import nn

from zoo._io import atomic_path
from zoo.inference.upscaling import OnProgress, upscale

QUALITY = 95  # of lossy formats
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
    if overwritten := set(targets) & set(files):
        raise ValueError(f"{overwritten.pop()} would be overwritten by its own upscaling")
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
    """
    large = upscale(
        _read(source),
        network,
        scale=scale,
        tile=tile,
        self_ensemble=self_ensemble,
        on_progress=on_progress,
    )
    if target.suffix.lower() in (".jpg", ".jpeg") and large.mode not in ("RGB", "L"):
        raise ValueError(f"a JPEG holds no {large.mode}; write {source} to a .png")
    image_format = Image.registered_extensions()[target.suffix.lower()]
    info = {str(key): value for key, value in large.info.items()}
    with atomic_path(target) as temporary:
        large.save(temporary, image_format, quality=QUALITY, **info)
    return large.size


def _read(path: Path) -> Image.Image:
    """Read the single image of a file."""
    try:
        with Image.open(path) as image:
            raw_modes = [str(entry[3]) for entry in getattr(image, "tile", [])]
            frames = getattr(image, "n_frames", 1)
            image.load()
    except (UnidentifiedImageError, SyntaxError) as error:
        raise ValueError(f"{path} is not an image that can be read: {error}") from None
    if image.mode != "I;16" and any("16" in mode for mode in raw_modes):
        raise ValueError(f"{path} has 16 bits per colour; only 8 would be read, so save it with 8")
    if frames > 1:
        raise ValueError(f"{path} has {frames} frames; only single images are upscaled")
    return image
