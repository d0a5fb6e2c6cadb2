"""Depth and size of a fractal network by the paper's rule (1605.07648, Sec. 3)."""

from zoo import registry

BLOCKS = 5  # pooling brings 32x32 pixels to one


def deepest(model: str, than: str) -> tuple[int, int]:
    """B 2^(C - 1) convolutions on the deepest path; and those of the deepest column as built."""
    columns = registry.variant(model).args["columns"]
    alone = registry.network(model, device="meta", column=columns)
    built = sum(tuple(p.shape[2:]) == (3, 3) for p in alone.parameters())
    return BLOCKS * 2 ** (columns - 1), built
