"""Name -> module with its weights: `zoo.create`.

"wrn28_10.tag" -> entry, weights -> module -> verified tensors, loaded strictly
"""

import logging
from typing import TYPE_CHECKING, Any

from zoo.models._builder import build_entry, build_uninitialised, key_mappings_of
from zoo.models._registry import ModelEntry, default_weights, parse_name
from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from torch import nn

    from zoo.checkpoints.key_mapping import KeyMapping

log = logging.getLogger(__name__)


def create(name: str, pretrained: bool | None = None, **overrides: Any) -> "nn.Module":
    """Create a network, with its weights and in eval mode if they are asked for.

    Args:
        name: "arch" or "arch.tag", or the place of a checkpoint: "hf-hub:org/repo[@revision]",
            "local-dir:PATH", or a safetensors file. A file's network is the one that `model=`,
            its metadata or the config.json beside it names, or the only one that fits.
        pretrained: Load the weights. By default, only those of a checkpoint are loaded.
        **overrides: Arguments of the class (num_classes, in_chans, drop_rate, ..., and the
            family's own, see `zoo.describe`), timm's features_only and out_indices, or `dtype`,
            that of parameters and buffers; tensors stored in this dtype are not copied.

    Returns:
        The network. Classifiers map (B, C, H, W) to (B, num_classes); super-resolution networks
        map RGB in 0..1 to (B, 3, scale * H, scale * W); language models map token ids (B, T) to
        logits (B, T, vocab).

    Raises:
        UnknownNameError: No model or weights have this name.
        LookupError: The model has no default weights.
        ValueError: The class takes no such argument, or not this value.
        WeightsError: The weights are not the pinned ones, or cannot be downloaded.

    Example:
        >>> import torch, zoo
        >>> zoo.create("resnet20", num_classes=5)(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 5])
    """
    from zoo.models._sources import canonical, create_from_source, is_source

    name = canonical(name)
    if is_source(name):
        return create_from_source(name, pretrained is not False, overrides)
    entry, weights = parse_name(name)
    if not pretrained:
        return build_entry(entry, weights, overrides)
    from zoo.checkpoints.loading import load_pretrained

    if weights is None:
        weights = default_weights(entry.name)
        if not weights.bundled:
            log.warning("%s stands for %s", entry.name, describe_weights(weights))
    if weights.url:
        from zoo.models._installation import install

        install(weights)
    resized = "num_classes" in overrides
    mapping = weights_key_mapping(entry, weights)
    model, complete = build_uninitialised(entry, weights, overrides, resized=resized)
    load_pretrained(model, weights, like=complete, resized=resized, key_mapping=mapping)
    return model.eval()


def describe_weights(weights: Weights) -> str:
    """Return in a line which weights these are: name, data, who made them, license.

    Example:
        >>> from zoo.models._registry import default_weights
        >>> describe_weights(default_weights("dpn98"))
        'dpn98.mx_in1k, for imagenet/val, by timm/dpn98.mx_in1k (port; apache-2.0)'
    """
    data = ", ".join(weights.benchmarks) or "no benchmark"
    provider = weights.provider or weights.repo or weights.origin
    return f"{weights.name}, for {data}, by {provider} ({weights.relation}; {weights.license})"


def weights_key_mapping(entry: ModelEntry, weights: Weights) -> "KeyMapping | None":
    """Return the key mapping of the file that is loaded; None if its keys are the zoo's."""
    if weights.url or not weights.key_mapping:
        return None
    for mapping in key_mappings_of(entry):
        if mapping.name == weights.key_mapping and mapping.supports(entry.name):
            return mapping
    raise ValueError(
        f"{weights.source}: convert.py has no key mapping {weights.key_mapping!r} of {entry.name}"
    )
