"""Networks with weights of both signs and random statistics: others would hide a difference."""

from typing import Any

from torch import nn

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


def unpadded(model: nn.Module) -> int:
    """Return the pixels by which a first convolution of stride 1 makes an image's sides shorter."""
    first: Any = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    return first.kernel_size[0] - 1 - 2 * first.padding[0] if first.stride[0] == 1 else 0


def fits(side: int, image: int, reduction: int) -> bool:
    """Whether the side of a map is that of an image over the reduction, rounded up or down."""
    return abs(side * reduction - image) < reduction


def claim_on(model: str, than: str = "", **values: Any) -> Claim:
    """Return a claim that a formula may be asked about."""
    return Claim(kind="relative", model=model, than=than, metric="params", where="", **values)


def bundled_weights(name: str) -> Weights:
    """Return the weights of a model that come with the package."""
    (weights,) = (w for w in list_weights(name) if w.bundled)
    return weights
