"""Name -> module with its weights: `zoo.create`.

"wrn28_10.tag" -> entry, weights -> module -> verified tensors, loaded strictly
"""

from typing import TYPE_CHECKING, Any

from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from torch import nn
from zoo.models._builder import build_entry, build_uninitialised, key_mappings_of
from zoo.models._registry import ModelEntry, default_weights, parse_name


def create(name: str, pretrained: bool | None = None, **overrides: Any) -> "nn.Module":
    """The network `name` ("arch" or "arch.tag"), with its weights and in eval mode if `pretrained`.

    A name may also say where the tensors are: "hf-hub:org/repo[@revision]", "local-dir:PATH", or a
    safetensors file, whose network is told by its tensors; they are loaded unless `pretrained` is
    False.

    `overrides` are arguments of its class (num_classes, in_chans, drop_rate, ... and the room's
    own, see `zoo.describe`), timm's features_only and out_indices, or `dtype`, what parameters and
    buffers are kept in: tensors of a file that are in it already are not copied. Raises
    UnknownNameError for a name, LookupError when there are no weights, ValueError for an argument,
    WeightsError when the weights are not those that are pinned, or do not arrive from the Hub.
    """
    from zoo.models._sources import create_from_source, is_source

    if is_source(name):
        return create_from_source(name, pretrained is not False, overrides)
    entry, weights = parse_name(name)
    if not pretrained:
        return build_entry(entry, weights, overrides)
    weights = weights or default_weights(entry.name)
    from zoo.checkpoints.loading import load_pretrained

    resized = "num_classes" in overrides
    model, like = build_uninitialised(entry, weights, overrides, resized=resized)
    load_pretrained(
        model, weights, like=like, resized=resized, scheme=_find_key_mapping(entry, weights)
    )
    return model.eval()


def _find_key_mapping(entry: ModelEntry, weights: Weights) -> Any:
    """The scheme that weights are named by; None if it is the zoo's own."""
    fitting = [s for s in key_mappings_of(entry) if s.name == weights.keys and s.fits(entry.name)]
    if fitting or not weights.keys:
        return fitting[0] if fitting else None
    raise ValueError(f"{weights.where}: convert.py has no scheme {weights.keys!r} of {entry.name}")
