"""Networks with weights of both signs and random statistics: others would hide a difference."""

from typing import Any

from tests.golden.fill import fill, layers_of
from zoo.models._builder import build_model
from zoo.models._registry import list_weights
from zoo.papers.records import Claim
from zoo.papers.weights import Weights


def make_model(name: str, **args: Any) -> Any:
    """Build a network by name, filled, in eval mode."""
    model = build_model(name, **args)
    fill(layers_of(model))
    return model.eval()


def claim_on(model: str, than: str = "", **values: Any) -> Claim:
    """Return a claim that a formula may be asked about."""
    return Claim(kind="relative", model=model, than=than, metric="params", where="", **values)


def bundled_weights(name: str) -> Weights:
    """Return the weights of a model that come with the package."""
    (weights,) = (w for w in list_weights(name) if w.bundled)
    return weights
