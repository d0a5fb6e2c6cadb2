"""What SVFormer saves of a transformer's cache of keys and values, by its formula and as built.

L keys and L values -> L keys and the first layer's values: (L - 1) / 2L less, in percent
"""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._registry import get_entry


def numbers(model: str) -> int:
    """That a cache of one token holds."""
    network: Any = build_model(model, device="meta")
    cache = network.cache(1, 1)
    return sum(held.numel() for held in (*cache.keys, *cache.values.values()))


def cache_saved(model: str, than: str) -> tuple[float, float]:
    """Percent: by the formula, as built."""
    layers = get_entry(model).args["layers"]
    return 100 * (layers - 1) / (2 * layers), 100 * (1 - numbers(model) / numbers(than))
