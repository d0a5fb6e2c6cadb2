"""Upscaling of image files: which file becomes which. Loads no torch."""

from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


def list_images(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files as they are, and the images of folders in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
        else:
            yield path


def plan(
    images: Iterable[Path], output: Path | None, scale: int, ending: str = ""
) -> list[tuple[Path, Path]]:
    """Return (source, target) for each image.

    Args:
        images: files and folders.
        output: a file for one image, a folder, or None for NAME_x<scale>.png beside each.
        scale: for the names.
        ending: of the names, if not _x<scale>.

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
    targets = _targets(files, output, ending or f"_x{scale}")
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


def _targets(files: list[Path], output: Path | None, ending: str) -> list[Path]:
    """Return the path of each image to write; create the folder `output`."""
    if output and output.suffix and not output.is_dir():
        if output.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{output} is not an image of {', '.join(SUFFIXES)}, nor a folder")
        if len(files) > 1:
            raise ValueError(f"{len(files)} images do not fit into {output}; name a folder")
        return [output]
    if output:
        output.mkdir(parents=True, exist_ok=True)
    return [(output or file.parent) / f"{file.stem}{ending}.png" for file in files]
