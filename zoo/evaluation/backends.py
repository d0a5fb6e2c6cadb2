"""The network of an evaluation by a backend, beside the same network by torch in float32.

first hundred samples -> both -> the record's `changed`: how many answers differ
"""

import copy
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from zoo.evaluation.config import EvalConfig
from zoo.inference.optimize import optimize
from zoo.inference.optimize.sessions import SessionForward

COMPARED = 100  # first samples


def by_backend(network: nn.Module, example: Tensor, config: EvalConfig) -> nn.Module:
    """Return a network by the backend and in the precision of a config.

    Raises:
        ValueError: the backend cannot take the network, or moves outputs too far.
    """
    dtype = None if config.precision == "fp32" else config.dtype
    ready = optimize(network, example, backend=config.backend, dtype=dtype)
    forward = vars(ready).get("forward")
    if isinstance(forward, SessionForward):
        forward.alone = True
    return ready


def reference(network: nn.Module, config: EvalConfig) -> nn.Module | None:
    """Return a copy that answers in fp32 by torch; None if the network itself does."""
    is_reference = (config.precision, config.backend) == ("fp32", "eager")
    return None if is_reference else copy.deepcopy(network)


def changed(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Return a record's field `changed` of (answer, answer in fp32 by torch); {} without any."""
    differs = [a != b for a, b in pairs]
    return {"changed": {"count": sum(differs), "total": len(differs)}} if differs else {}
