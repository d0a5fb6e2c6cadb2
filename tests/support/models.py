"""Networks with weights of both signs and random statistics: others would hide a difference."""

from typing import Any

from tests.golden.fill import fill, layers_of
from zoo.models._builder import build_model


def make_model(name: str, **args: Any) -> Any:
    """Build a network by name, filled, in eval mode."""
    model = build_model(name, **args)
    fill(layers_of(model))
    return model.eval()
