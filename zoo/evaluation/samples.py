"""One sample at a time, and what is wrong with it if it cannot be read."""

import struct
from typing import Any

from PIL import Image

from zoo.data.benchmarks import Dataset

UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class UnreadableSampleError(ValueError):
    """A sample that cannot be used; the message says where it is and why."""


def read_sample(samples: Dataset, index: int) -> Any:
    """samples[index]. Raises BrokenError if it cannot be decoded."""
    try:
        return samples[index]
    except UnreadableSampleError:
        raise
    except UNREADABLE as error:
        said = str(error).partition("\n")[0] or type(error).__name__
        raise UnreadableSampleError(
            f"{sample_name(samples, index)} cannot be read: {said}"
        ) from None


def sample_name(samples: Dataset, index: int) -> str:
    """The file of a sample, with its row, if the samples say so; else its index."""
    told = getattr(samples, "where", None)
    return told(index) if told else f"sample {index}"
