"""One sample at a time, and what is wrong with it if it cannot be read."""

import struct
from typing import Any

from PIL import Image

from zoo.benchmarks import Samples

UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class BrokenError(ValueError):
    """A sample that cannot be used; the message says where it is and why."""


def read(samples: Samples, index: int) -> Any:
    """samples[index]. Raises BrokenError if it cannot be decoded."""
    try:
        return samples[index]
    except BrokenError:
        raise
    except UNREADABLE as error:
        said = str(error).partition("\n")[0] or type(error).__name__
        raise BrokenError(f"{where(samples, index)} cannot be read: {said}") from None


def where(samples: Samples, index: int) -> str:
    """The file of a sample, with its row, if the samples say so; else its index."""
    told = getattr(samples, "where", None)
    return told(index) if told else f"sample {index}"
