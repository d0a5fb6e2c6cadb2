"""Reading of image files, and conversion to 8 bits per colour that keeps the scale of the pixels.

file -> load_image -> PIL image of any mode -> to_mode -> "L" or "RGB"
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

UNSCALED = ("I", "F")  # 32-bit numbers, of which no file says which is white
READ_ERRORS = (  # of Pillow, for files that are cut off, damaged or hostile
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


def load_image(path: Path) -> Image.Image:
    """Return the decoded image of a file. Raises ValueError, with its name, if there is none."""
    try:
        with Image.open(path) as image:
            image.load()
    except READ_ERRORS as error:
        cause = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{path} is not an image that can be read: {cause}") from None
    return image


def to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert an image to "L" or "RGB"; 16-bit grey is scaled, where Pillow would clip it.

    Raises:
        ValueError: the pixels have no known scale.

    Example:
        >>> to_mode(Image.new("I;16", (1, 1), 65535 // 2), "L").getpixel((0, 0))
        127
    """
    if image.mode in UNSCALED:
        raise ValueError(
            f"an image of mode {image.mode} does not say which value is white; save it with 8 or "
            "16 bits of grey"
        )
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.float64) / 257).round().astype("u1"))
    return image.convert(mode)
