"""Numbers that say how far two networks' outputs are apart."""

from torch import Tensor


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest expected number."""
    return float((actual - expected).abs().max() / expected.abs().max())
