"""Super-resolution of images of any size in bounded memory: PIL image in, PIL image out.

pixels -> overlapping tiles -> network -> pixels       profile, EXIF and resolution are kept
"""

import copy
import logging
import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from zoo.distributed import accelerator
from zoo.inference import tiling
from zoo.models._builder import build_model
from zoo.models._factory import create
from zoo.models._registry import get_entry, model_entries
from zoo.models._sources import load_file

OVERLAP = 16  # low-resolution pixels around a tile
LARGEST_TILE = 256  # a CPU gains nothing beyond it
EXIF_IFD, GPS_IFD, EXIF_WIDTH, EXIF_HEIGHT = 0x8769, 0x8825, 0xA002, 0xA003
INTEROP_IFD = 0xA005
RESOLUTION_TAGS = {0x011A, 0x011B, 0x0128}  # across, down, unit
# Tags that describe a picture and not how its pixels are stored: titles, camera, orientation,
# software, date, artist, copyright, rating, and Windows' title to subject.
DESCRIPTIVE_TAGS = RESOLUTION_TAGS | {0x010D, 0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132}
DESCRIPTIVE_TAGS |= {0x013B, 0x013C, 0x4746, 0x4749, 0x8298, *range(0x9C9B, 0x9CA0)}
FULL = {"L": 255, "RGB": 255, "I;16": 65535}  # largest pixel value of a mode
log = logging.getLogger(__name__)
OnProgress = Callable[[int, int], None]  # called with the tiles done and their number


def resolve_model(model: str, scale: int) -> str:
    """Return the name of a network or of weights for a scale: "rcan" is rcan_x4 for 4.

    Raises:
        UnknownNameError: there is no such model.
        ValueError: it is not for super-resolution, or not for this scale.
    """
    architecture, dot, tag = model.partition(".")
    known = model_entries()
    if architecture not in known and f"{architecture}_x{scale}" in known:
        architecture = f"{architecture}_x{scale}"
    if get_entry(architecture).task != "super-resolution":
        raise ValueError(f"{architecture} does not upscale; name a super-resolution network")
    scales = _scales(build_model(architecture, device="meta"))
    if scale not in scales:
        raise ValueError(f"{architecture} upscales by {', '.join(map(str, scales))}, not {scale}")
    return architecture + dot + tag


def _scales(network: nn.Module) -> tuple[int, ...]:
    scales: tuple[int, ...] = vars(network).get("scales", ())
    return scales


def load(model: str, scale: int, file: Path | None = None) -> nn.Module:
    """Load a network for a scale: in eval mode, channels_last, on the GPU if there is one.

    Args:
        model: a name as `resolve_model` takes it.
        scale: of the network.
        file: safetensors to load instead of the model's weights.

    Raises:
        LookupError: the model has no weights.
        WeightsError: the file does not fit.
    """
    return load_network(resolve_model(model, scale), file)


def load_network(name: str, file: Path | None = None) -> nn.Module:
    """Load a network by its name, or that of weights, as `load` does."""
    try:
        network = load_file(name, file) if file else create(name, pretrained=True)
    except LookupError as error:
        raise LookupError(f"{error}; or bring a file that `zoo convert` made (--weights)") from None
    ready: nn.Module = network.eval().to(accelerator()).to(memory_format=torch.channels_last)
    return ready


def upscale(
    image: Image.Image,
    model: str | nn.Module = "rcan_tiny",
    *,
    scale: int = 2,
    tile: int | None = None,
    self_ensemble: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> Image.Image:
    """Upscale an image.

    Args:
        image: of mode RGB, L (grey), RGBA, LA, P, PA, 1 or 16-bit grey.
        model: a name ("rcan" or "rcan_x4"), or a module of `load`.
        scale: of the network.
        tile: side of a tile in low-resolution pixels; chosen by free memory by default. A network
            with channel attention, whose output depends on it, then takes the whole image if it
            fits; a warning is logged if it does not.
        self_ensemble: average over eight flips and rotations: eight times the work.
        on_progress: called with the number of tiles done and that of all tiles.

    Returns:
        An image `scale` times as large. 16-bit grey stays so, alpha is resized bicubically (a
        transparent colour becomes alpha), and ICC profile, resolution and descriptive EXIF are
        kept.

    Raises:
        FloatingPointError: the network's output is not finite.
        LookupError: the model has no weights.
        ValueError: the mode is another, or the model has another scale.

    >>> import zoo
    >>> from PIL import Image
    >>> zoo.upscale(Image.new("RGB", (20, 10)), scale=4).size
    (80, 40)
    """
    network = load(model, scale) if isinstance(model, str) else model
    colour, alpha = split(image)
    run = partial(
        _run_network, network, scale=scale, full=FULL[colour.mode], self_ensemble=self_ensemble
    )
    tile = choose_tile(network, scale, image.size, tile)
    large = Image.fromarray(_upscale_tiles(run, np.asarray(colour), scale, tile, on_progress))
    if alpha is not None:
        large.putalpha(alpha.resize(large.size, Image.Resampling.BICUBIC))
    large.info = _metadata(image, large.size)
    return large


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return an image as RGB, L or I;16, and its alpha channel if it has one."""
    has_key = "transparency" in image.info
    if image.mode in ("RGB", "L", "1") and has_key:
        return _split_key(image)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.mode == "PA" or has_key else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("I;16L", "I;16B", "I;16N"):
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    if image.mode in ("RGBA", "LA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    if image.mode not in FULL:
        raise ValueError(
            f"an image of mode {image.mode} is not supported; "
            "convert it to RGB, RGBA, L, LA or 16-bit grey first"
        )
    if image.mode == "I;16" and has_key:
        raise ValueError("16-bit grey with a transparent value is not supported: give it alpha")
    return image, None


def _split_key(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return an RGB or grey image and its alpha, 0 at the transparent colour.

    That colour is no part of the picture: the mean of the others takes its place.
    """
    colour = image.convert("RGB" if image.mode == "RGB" else "L")
    pixels = np.array(colour).reshape(colour.height, colour.width, -1)
    hidden = (pixels == np.array(image.info["transparency"])).all(-1)
    if not hidden.all():
        pixels[hidden] = np.rint(pixels[~hidden].mean(0))
    alpha = Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8))
    return Image.fromarray(pixels if image.mode == "RGB" else pixels[..., 0]), alpha


def _metadata(image: Image.Image, size: tuple[int, int]) -> dict[Any, Any]:
    """Return what remains true of an image with another size: profile, resolution and EXIF."""
    info = {key: image.info[key] for key in ("icc_profile", "dpi") if image.info.get(key)}
    if not all(map(_is_resolution, info.get("dpi", ()))):
        del info["dpi"]
    source, exif = image.getexif(), Image.Exif()
    for tag in DESCRIPTIVE_TAGS & set(source):
        if tag not in RESOLUTION_TAGS or _is_resolution(source[tag]):
            exif[tag] = source[tag]
    for tag in (EXIF_IFD, GPS_IFD):
        details = dict(source.get_ifd(tag))
        details.pop(INTEROP_IFD, None)  # an offset within the old block
        if details:
            exif[tag] = details
    for tag, pixels in zip((EXIF_WIDTH, EXIF_HEIGHT), size, strict=True):
        if tag in exif.get(EXIF_IFD, {}):
            exif[EXIF_IFD][tag] = pixels
    return info | ({"exif": exif.tobytes()} if len(exif) else {})


def _is_resolution(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value) and float(value) > 0


def _upscale_tiles(
    run: Callable[[NDArray[Any]], NDArray[Any]],
    pixels: NDArray[Any],
    scale: int,
    size: int,
    on_progress: OnProgress,
) -> NDArray[Any]:
    """Upscale tile by tile: (H, W[, 3]) -> (scale * H, scale * W[, 3]) of the same type."""
    height, width = pixels.shape[:2]
    large = np.empty((scale * height, scale * width, *pixels.shape[2:]), pixels.dtype)
    tiles = list(tiling.tiles(height, width, size, OVERLAP))
    on_progress(0, len(tiles))
    for i, tile in enumerate(tiles, 1):
        y, y_end, x, x_end = tile.padded
        top, bottom, left, right = (n * scale for n in tile.core)
        core = run(pixels[y:y_end, x:x_end])[tiling.crop_overlap(tile, scale)]
        large[top:bottom, left:right] = core
        on_progress(i, len(tiles))
    return large


@torch.inference_mode()
def _run_network(
    network: nn.Module, pixels: NDArray[Any], *, scale: int, full: int, self_ensemble: bool
) -> NDArray[Any]:
    """Upscale whole values of 0..full: (H, W[, 3]) -> (scale * H, scale * W[, 3])."""
    values = pixels.astype(np.float32) / np.float32(full)
    planes = values[None].repeat(3, 0) if values.ndim == 2 else values.transpose(2, 0, 1)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    batch = torch.from_numpy(np.ascontiguousarray(planes))[None].to(device)
    batch = batch.contiguous(memory_format=torch.channels_last)
    run = _at_scale(network, scale)
    out = (tiling.self_ensemble(run, batch) if self_ensemble else run(batch))[0]
    out = out.mean(0, keepdim=True) if pixels.ndim == 2 else out
    if not out.isfinite().all():
        raise FloatingPointError(
            "the upscaled pixels are not finite; check the weights, and run them in float32"
        )
    rounded = torch.floor(out * full + 0.5).clamp(0, full).permute(1, 2, 0)
    large: NDArray[Any] = rounded.cpu().numpy().astype(pixels.dtype)
    return large[..., 0] if pixels.ndim == 2 else large


def _at_scale(network: nn.Module, scale: int) -> Any:
    """Return the network as a function of the image alone."""
    return partial(network, scale=scale) if len(_scales(network)) > 1 else network


def memory_per_pixel(network: nn.Module, scale: int) -> int:
    """Estimate the bytes for a low-resolution pixel: the three largest outputs in float32."""
    sizes: list[int] = []
    side = 16
    meta = copy.deepcopy(network).to("meta")
    for module in meta.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, a, out: sizes.append(out.numel()))
    with torch.no_grad():
        _at_scale(meta, scale)(torch.empty(1, 3, side, side, device="meta"))
    return 4 * sum(sorted(sizes)[-3:]) // side**2


def tile_for(network: nn.Module, scale: int) -> int:
    """Return the side of a tile that takes a quarter of the free memory, at most LARGEST_TILE.

    Raises:
        MemoryError: not even 16 pixels would fit.
    """
    free = free_memory()
    side = int((free / 4 / max(1, memory_per_pixel(network, scale))) ** 0.5) - 2 * OVERLAP
    if side < 16:
        raise MemoryError(f"{free >> 20} MiB of free memory are too few for this network")
    return min(side, LARGEST_TILE)


def choose_tile(
    network: nn.Module, scale: int, size: tuple[int, int], tile: int | None = None
) -> int:
    """Return `tile`, or by default what fits; the whole image if the network averages over it.

    Logs a warning if such a network has to take an image in parts.
    """
    averages, whole = getattr(network, "averages_image", False), max(size)
    if tile is None and averages:
        needed = memory_per_pixel(network, scale) * size[0] * size[1]
        tile = whole if needed <= free_memory() / 4 else None
    tile = tile or tile_for(network, scale)
    if averages and tile < whole:
        log.warning(
            f"channel attention averages over each tile of {tile} pixels, so that other tiles give "
            f"another picture; --tile {whole} takes the whole image at once, if memory allows"
        )
    return tile


def free_memory() -> int:
    """Return the free bytes, on the GPU if there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)
