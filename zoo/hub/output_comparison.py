"""The outputs of two networks on the same inputs."""

from collections.abc import Iterator
from typing import Any

import torch

from zoo.hub import reference_outputs
from zoo.models._factory import create
from zoo.reporting.comparison import Row

SECTION = "outputs"


def compare_outputs(left: str, right: str) -> Iterator[Row]:
    """Run two networks on the reference inputs of the first, and yield what comes out.

    Args:
        left: Name of a network that has weights; they are downloaded if they are not here.
        right: Name of another, which takes inputs of the same shape.

    Raises:
        LookupError: A name has no weights.
        ValueError: The second network does not take the inputs of the first.
    """
    first, second = (create(name, pretrained=True) for name in (left, right))
    a, b = first.state_dict(), second.state_dict()
    same = sum(k in b and v.shape == b[k].shape and torch.equal(v, b[k]) for k, v in a.items())
    yield Row(SECTION, "tensors", f"{len(a)}, {same} of them equal", f"{len(b)}")
    tensors: dict[str, Any] = reference_outputs.compute(first)
    for kind in (key.partition("/")[0] for key in tensors if key.endswith("/input")):
        x, output = tensors[f"{kind}/input"], tensors[f"{kind}/output"]
        try:
            other = reference_outputs.run(second, x)
        except (RuntimeError, AssertionError, IndexError) as error:
            raise ValueError(f"{right} does not take the input of {left}: {error}") from None
        yield Row(
            SECTION, f"shape, {kind} input", *("x".join(map(str, t.shape)) for t in (output, other))
        )
        yield Row(
            SECTION, f"largest, {kind} input", *(f"{t.abs().max():.4g}" for t in (output, other))
        )
        if output.shape == other.shape:
            difference = f"{(output - other).abs().max():.4g} apart at most"
            yield Row(SECTION, f"difference, {kind} input", difference, difference)
