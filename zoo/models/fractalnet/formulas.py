"""Depth of a fractal network by the paper's rule (1605.07648, Sec. 3), and as built."""

from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.papers.records import Claim

BLOCKS = 5  # pooling brings 32x32 pixels to one


def deepest(claim: Claim) -> tuple[int, int]:
    """Return B 2^(C - 1), convolutions of the deepest path, and those of it as built."""
    columns = get_entry(claim.model).args["columns"]
    alone = build_model(claim.model, device="meta", column=columns)
    built = sum(tuple(p.shape[2:]) == (3, 3) for p in alone.parameters())
    return BLOCKS * 2 ** (columns - 1), built
