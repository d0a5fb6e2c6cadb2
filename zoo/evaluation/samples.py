"""Reading one sample, and errors that name it."""

import struct
from typing import Any

from PIL import Image

from zoo.data.benchmarks import Dataset

READ_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class UnreadableSampleError(ValueError):
    """A sample that cannot be used; the message says where it is and why."""


class NonFiniteOutputError(ValueError):
    """A network's output that holds NaN or infinity; the message names the sample."""

    def __init__(self, sample: str) -> None:
        super().__init__(
            f"{sample}: the network's output is not finite; try --precision fp32, or other weights"
        )


def read_sample(samples: Dataset, index: int) -> Any:
    """Return samples[index]. Raises UnreadableSampleError if it cannot be decoded."""
    try:
        return samples[index]
    except UnreadableSampleError:
        raise
    except READ_ERRORS as error:
        cause = str(error).partition("\n")[0] or type(error).__name__
        raise UnreadableSampleError(
            f"{sample_name(samples, index)} cannot be read: {cause}"
        ) from None


def sample_name(samples: Dataset, index: int) -> str:
    """Return the file of a sample, with its row, where the data set knows it; else its index."""
    where = getattr(samples, "where", None)
    return where(index) if where else f"sample {index}"
