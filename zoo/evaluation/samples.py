"""Reading one sample, and errors that name it."""

from typing import Any

from zoo.data.benchmarks import Dataset
from zoo.data.image_reading import READ_ERRORS


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
        name = sample_name(samples, index)
        sentence = cause if cause.startswith(f"{name} ") else f"{name} cannot be read: {cause}"
        raise UnreadableSampleError(sentence) from None


def sample_name(samples: Dataset, index: int) -> str:
    """Return the file of a sample, with its row, where the data set knows it; else its index."""
    where = getattr(samples, "where", None)
    return where(index) if where else f"sample {index}"
