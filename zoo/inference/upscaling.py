"""Photographs made larger: PIL image in, PIL image out, of any size and in bounded memory.

pixels -> tiles, with what is around them -> network -> pixels       profile, orientation: kept
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import nn

from zoo._io import atomic_path
from zoo.inference.tiling import Tile, crop_overlap, self_ensemble, tiles
from zoo.models._builder import build_model
from zoo.models._factory import create
from zoo.models._registry import get_entry, model_entries
from zoo.models._sources import load_file

OVERLAP = 16  # pixels of the small image, around a tile
QUALITY = 95  # of formats that lose some
LARGEST_TILE = 256  # beyond it a CPU gains nothing
WIDTH, HEIGHT, ORIENTATION = 0xA002, 0xA003, 0x0112  # of EXIF
FULL = {"L": 255, "RGB": 255, "I;16": 65535}
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
Advance = Callable[[int, int], None]


def resolve_model(model: str, scale: int) -> str:
    """The name of a network, or of weights, that enlarges by `scale`: "carn_m", which has several
    scales, "rcan_x4", or "rcan" for rcan_x4. Raises ValueError for one that has another scale,
    UnknownNameError."""
    architecture, dot, tag = model.partition(".")
    known = model_entries()
    if architecture not in known and f"{architecture}_x{scale}" in known:
        architecture = f"{architecture}_x{scale}"
    entry = get_entry(architecture)
    if "fixed_input_size" not in entry.cfg:
        raise ValueError(f"{architecture} does not enlarge; name a network that enlarges images")
    scales: Any = vars(build_model(architecture, device="meta"))["scales"]
    if scale not in scales:
        raise ValueError(f"{architecture} enlarges by {', '.join(map(str, scales))}, not {scale}")
    return architecture + dot + tag


def load(model: str, scale: int, file: Path | None = None) -> nn.Module:
    """The network that `resolve` finds with its weights, or with those of a safetensors `file`,
    ready to run: in eval mode, channels_last, on the GPU if there is one.

    Raises LookupError when there are no weights, WeightsError for those that do not fit.
    """
    name = resolve_model(model, scale)
    try:
        network = load_file(name, file) if file else create(name, pretrained=True)
    except LookupError as error:
        raise LookupError(f"{error}; or bring a file that `zoo convert` made (--weights)") from None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ready: nn.Module = network.eval().to(device).to(memory_format=torch.channels_last)
    return ready


def upscale(
    image: Image.Image,
    model: str | nn.Module = "rcan_tiny",
    *,
    scale: int = 2,
    tile: int | None = None,
    plus: bool = False,
    advance: Advance = lambda done, total: None,
) -> Image.Image:
    """An image `scale` times as large, by a network of the zoo (a name, or one that `load` made).

    Modes: RGB, L (grey), RGBA and LA (alpha is enlarged bicubically), P, 1, and 16-bit grey, which
    stays so. ICC profile, EXIF and resolution are kept. `tile` is in pixels of the small image,
    chosen from free memory by default; `plus` is the self-ensemble of eight. `advance` hears how
    many tiles are done, and of how many. Raises ValueError for a mode that is none of these.
    """
    network = load(model, scale) if isinstance(model, str) else model
    colour, alpha = split(image)
    pixels = np.asarray(colour)
    size = tile or tile_for(network, scale)
    done = Image.fromarray(_enlarge(network, pixels, scale, size, FULL[colour.mode], plus, advance))
    if alpha is not None:
        wide = alpha.resize(done.size, Image.Resampling.BICUBIC)
        done.putalpha(wide)
    done.info = {key: image.info[key] for key in ("icc_profile", "dpi") if key in image.info}
    if exif := _exif(image, done.size):
        done.info["exif"] = exif
    return done


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """An image as RGB, L or I;16, and its transparency if it has any."""
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("I;16L", "I;16B", "I;16N"):
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    if image.mode in ("RGBA", "LA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    if image.mode not in FULL:
        raise ValueError(
            f"an image of mode {image.mode} is not enlarged; "
            "convert it to RGB, RGBA, L, LA or 16-bit grey first"
        )
    return image, None


def _exif(image: Image.Image, size: tuple[int, int]) -> bytes:
    """The EXIF block of an image, orientation and all, with the size of the larger one."""
    exif = image.getexif()
    details = exif.get_ifd(0x8769)
    for tag, pixels in ((WIDTH, size[0]), (HEIGHT, size[1])):
        if tag in details:
            details[tag] = pixels
    return exif.tobytes() if len(exif) else b""


def _enlarge(
    network: nn.Module,
    pixels: NDArray[Any],
    scale: int,
    size: int,
    full: int,
    plus: bool,
    advance: Advance,
) -> NDArray[Any]:
    """(H, W[, 3]) of whole values to `full` -> (scale * H, scale * W[, 3]) of the same type."""
    height, width = pixels.shape[:2]
    large = np.empty((scale * height, scale * width, *pixels.shape[2:]), pixels.dtype)
    cut = list(tiles(height, width, size, OVERLAP))
    advance(0, len(cut))
    for i, tile in enumerate(cut):
        top, bottom, left, right = (n * scale for n in tile.kept)
        large[top:bottom, left:right] = _one(network, pixels, scale, tile, full, plus)
        advance(i + 1, len(cut))
    return large


def _one(
    network: nn.Module, pixels: NDArray[Any], scale: int, tile: Tile, full: int, plus: bool
) -> NDArray[Any]:
    y, y_end, x, x_end = tile.shown
    shown = pixels[y:y_end, x:x_end].astype(np.float32) / np.float32(full)
    planes = shown[None].repeat(3, 0) if shown.ndim == 2 else shown.transpose(2, 0, 1)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    batch = torch.from_numpy(np.ascontiguousarray(planes))[None].to(device)
    batch = batch.contiguous(memory_format=torch.channels_last)
    run: Any = partial(network, scale=scale) if len(vars(network)["scales"]) > 1 else network
    with torch.inference_mode():
        out = self_ensemble(run, batch) if plus else run(batch)
        rows, columns = crop_overlap(tile, scale)
        kept = out[0, :, rows, columns]
        kept = kept.mean(0, keepdim=True) if pixels.ndim == 2 else kept
        whole = torch.floor(kept * full + 0.5).clamp(0, full).permute(1, 2, 0)
    found: NDArray[Any] = whole.cpu().numpy().astype(pixels.dtype)
    return found[..., 0] if pixels.ndim == 2 else found


def memory_per_pixel(network: nn.Module, scale: int) -> int:
    """Bytes that a network holds at once, about, for a pixel of the small image: its three largest
    layers' outputs, in float32."""
    sizes: list[int] = []
    side = 16
    sketch = copy.deepcopy(network).to("meta")
    for module in sketch.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, a, out: sizes.append(out.numel()))
    run: Any = partial(sketch, scale=scale) if len(vars(sketch)["scales"]) > 1 else sketch
    with torch.no_grad():
        run(torch.empty(1, 3, side, side, device="meta"))
    return 4 * sum(sorted(sizes)[-3:]) // side**2


def tile_for(network: nn.Module, scale: int) -> int:
    """The side of a tile in pixels of the small image, so that a tile takes a quarter of the memory
    that is free, and LARGEST_TILE at most. Raises MemoryError if not even 16 pixels would fit."""
    free = free_memory()
    side = int((free / 4 / max(1, memory_per_pixel(network, scale))) ** 0.5) - 2 * OVERLAP
    if side < 16:
        raise MemoryError(f"{free >> 20} MiB of free memory are too few for this network")
    return min(side, LARGEST_TILE)


def free_memory() -> int:
    """Bytes that are free for one more process: on the GPU if there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The images that paths name: files as they are, the images of a folder in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
        else:
            yield path


def plan(images: Iterable[Path], output: Path | None, scale: int) -> list[tuple[Path, Path]]:
    """Which file becomes which: beside it as NAME_x<scale>.png, in the folder `output`, or the one
    file `output`. Raises ValueError when there is none, or two would become the same."""
    files = list(files_in(images))
    if not files:
        raise ValueError(
            f"no images in {', '.join(map(str, images))}; known are {', '.join(SUFFIXES)}"
        )
    for file in files:
        if not file.is_file():
            raise ValueError(f"no file at {file}")
    one_file = output is not None and bool(output.suffix) and not output.is_dir()
    if output and one_file and output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{output} is not an image of {', '.join(SUFFIXES)}, nor a folder")
    if output and one_file and len(files) > 1:
        raise ValueError(f"{len(files)} images do not fit into {output}; name a folder")
    if output and not one_file:
        output.mkdir(parents=True, exist_ok=True)
    home = output if output and not one_file else None
    targets = (
        [output]
        if output and one_file
        else [(home or file.parent) / f"{file.stem}_x{scale}.png" for file in files]
    )
    if len(set(targets)) < len(targets):
        raise ValueError("two of the images have one name; enlarge them into folders of their own")
    if clash := set(targets) & set(files):
        raise ValueError(f"{clash.pop()} would be overwritten by its own enlargement")
    return list(zip(files, targets, strict=True))


def upscale_file(
    path: Path, to: Path, network: nn.Module, scale: int, **options: Any
) -> tuple[int, int]:
    """Enlarges a file into another, whole or not at all; returns the size of the large image.

    Raises ValueError for a file that is no image, or has 16 bits per colour, of which Pillow reads
    but eight.
    """
    image = _read(path)
    large = upscale(image, network, scale=scale, **options)
    if to.suffix.lower() in (".jpg", ".jpeg") and large.mode not in ("RGB", "L"):
        raise ValueError(f"a JPEG holds no {large.mode}; write {path} to a .png")
    kind = Image.registered_extensions()[to.suffix.lower()]
    with atomic_path(to) as temporary:
        large.save(temporary, kind, quality=QUALITY, **{str(k): v for k, v in large.info.items()})
    return large.size


def _read(path: Path) -> Image.Image:
    """The single image of a file, of 8 bits per colour or 16 bits of grey."""
    try:
        with Image.open(path) as image:
            raw = [str(entry[3]) for entry in getattr(image, "tile", [])]
            frames = getattr(image, "n_frames", 1)
            image.load()
    except (UnidentifiedImageError, SyntaxError) as error:
        raise ValueError(f"{path} is not an image that can be read: {error}") from None
    if image.mode != "I;16" and any("16" in mode for mode in raw):
        raise ValueError(f"{path} has 16 bits per colour; only 8 would be read, so save it with 8")
    if frames > 1:
        raise ValueError(f"{path} has {frames} frames; only single images are enlarged")
    return image
