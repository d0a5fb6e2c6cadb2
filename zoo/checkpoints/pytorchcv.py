"""The names that pytorchcv (osmr/pytorchcv) gives to tensors, by kind of block.

features.init_block, features.stage1.unit1.body.conv1.{conv,bn}, .., features.post_activ.bn, output

Units count from 1, and every convolution stands beside its BatchNorm, whichever comes first.
"""

from typing import Any

from zoo.checkpoints.key_mapping import KeyMapping, Pair

UNIT, OURS = "features.stage#.unit#+1.", "layer#.#."
# The first layers: a convolution, with BatchNorm, with BatchNorm in a module of its own.
CONV: tuple[Pair, ...] = (("features.init_block.", "conv1."),)
CONV_BN: tuple[Pair, ...] = (
    ("features.init_block.conv.", "conv1."),
    ("features.init_block.bn.", "bn1."),
)
NESTED: tuple[Pair, ...] = (
    ("features.init_block.conv.conv.", "conv1."),
    ("features.init_block.conv.bn.", "bn1."),
)


def post_activation(models: tuple[str, ...], *, stem: tuple[Pair, ...], **more: Any) -> KeyMapping:
    """Return the mapping of units that end in a ReLU, with BatchNorm in their shortcut."""
    shortcut = (
        (f"{UNIT}identity_conv.conv.", f"{OURS}downsample.0."),
        (f"{UNIT}identity_conv.bn.", f"{OURS}downsample.1."),
    )
    return _mapping(models, (*stem, *shortcut), "body.conv1.bn", **more)


def pre_activation(
    models: tuple[str, ...], *, stem: tuple[Pair, ...], last_norm: str = "", **more: Any
) -> KeyMapping:
    """Return the mapping of units that begin with BatchNorm, with a bare shortcut.

    `last_norm` is the zoo's name of a BatchNorm after the last convolution of a unit.
    """
    shortcut = ((f"{UNIT}identity_conv.", f"{OURS}downsample."), ("features.post_activ.bn.", "bn."))
    closing = ((f"{UNIT}bn.", f"{OURS}{last_norm}."),) if last_norm else ()
    return _mapping(models, (*stem, *shortcut, *closing), "post_activ", **more)


def _mapping(
    models: tuple[str, ...], renames: tuple[Pair, ...], required: str, **more: Any
) -> KeyMapping:
    convs = (
        (f"{UNIT}body.conv#.conv.", f"{OURS}conv#."),
        (f"{UNIT}body.conv#.bn.", f"{OURS}bn#."),
    )
    return KeyMapping(
        name="pytorchcv",
        models=models,
        required_keys=("features.stage1.unit1.body.conv1.conv.weight", required, renames[0][0]),
        renames=(*renames, *convs, ("output.", "fc.")),
        **more,
    )
