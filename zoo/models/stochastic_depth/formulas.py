"""Expected depth and time in training, by Sec. 3 of 1603.09382, and as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models.stochastic_depth.survival import blocks_of, survival


def survivals(model: str, rate: float) -> list[float]:
    """Return p_l of every block as built, for `rate` = 1 - p_L."""
    network: Any = build_model(model, device="meta", drop_path_rate=rate)
    return [survival(block) for block in blocks_of(network)]


def expected_blocks(model: str, than: str) -> tuple[int, int]:
    """Return (3 L - 1) / 4 with p_L = 0.5, to the nearest block; and L as built."""
    blocks = len(survivals(model, 0.5))
    return round((3 * blocks - 1) / 4), blocks


def time_saved(model: str, than: str, rate: float = 0.5) -> tuple[float, float]:
    """Return the time saved in percent: (1 - p_L) / 2 for a large L; and for the blocks as built.

    The latter assumes that all time is spent in blocks, and the same time in each.
    """
    probabilities = survivals(model, rate)
    return 100 * rate / 2, 100 * (1 - sum(probabilities) / len(probabilities))


def time_saved_at_a_fifth(model: str, than: str) -> tuple[float, float]:
    """Return the time saved with p_L = 0.2 (Fig. 8)."""
    return time_saved(model, than, 0.8)
