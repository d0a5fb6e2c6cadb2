"""The part of a transformer's cache that SVFormer saves, by its formula and as built.

L keys and L values -> L keys and the first layer's values: (L - 1) / 2L less, in percent
"""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.papers.records import Claim


def cache_size(model: str) -> int:
    """Return the number of elements in the cache of one token."""
    network: Any = build_model(model, device="meta")
    cache = network.cache(1, 1)
    return sum(tensor.numel() for tensor in (*cache.keys, *cache.values.values()))


def cache_saved(claim: Claim) -> tuple[float, float]:
    """Return the percentage by the formula, and as built."""
    layers = get_entry(claim.model).args["layers"]
    built = 1 - cache_size(claim.model) / cache_size(claim.than)
    return 100 * (layers - 1) / (2 * layers), 100 * built
