"""The places that fb.resnet.torch and its descendants give to the layers of an ImageNet ResNet.

0 conv1, 1 bn1, 4..7 stages (4.UNIT.PLACE), then the classifier; 4.UNIT.0 is the ConcatTable of a
unit, 4.UNIT.0.0 its residual path and 4.UNIT.0.1 its shortcut. ReLUs are numbered too.
"""

from zoo.checkpoints.key_mapping import KeyMapping, Pair

STEM: tuple[Pair, ...] = (("0.", "conv1."), ("1.", "bn1."))
STAGES = ((4, 1), (5, 2), (6, 3), (7, 4))  # (place, number in layer#)


def post_activation(models: tuple[str, ...], name: str) -> KeyMapping:
    """Return the mapping of models/resnet.lua: conv, BN, ReLU, .., BN, and BN in the shortcut."""
    layers = ("conv1", "bn1", "", "conv2", "bn2", "", "conv3", "bn3")  # a basic unit ends early
    units = tuple(
        pair
        for place, stage in STAGES
        for pair in (
            *path(f"{place}.#.0.0.", f"layer{stage}.#.", layers),
            *path(f"{place}.#.0.1.", f"layer{stage}.#.downsample.", ("0", "1")),
        )
    )
    return _mapping(models, name, (*STEM, *units, ("10.", "fc.")), "4.0.0.0.1.running_mean")


def pre_activation(models: tuple[str, ...], name: str) -> KeyMapping:
    """Return the mapping of models/preresnet.lua: BN, ReLU, conv, .., and a bare shortcut.

    The first unit of the first stage has no BatchNorm before it, those of the others have it before
    the fork.
    """
    forked = ("conv1", "bn2", "", "conv2", "bn3", "", "conv3")
    units: list[Pair] = []
    for place, stage in STAGES:
        fork = f"{place}.0.0." if stage == 1 else f"{place}.0.2."
        units += path(f"{fork}0.", f"layer{stage}.0.", forked)
        units += path(f"{fork}1.", f"layer{stage}.0.", ("downsample",))
        if stage > 1:
            units.append((f"{place}.0.0.", f"layer{stage}.0.bn1."))
        units += path(f"{place}.#.0.0.", f"layer{stage}.#.", ("bn1", "", *forked))
    renames = (*STEM, *units, ("8.", "bn."), ("12.", "fc."))
    return _mapping(models, name, renames, "5.0.0.running_mean")


def path(theirs: str, ours: str, layers: tuple[str, ...]) -> tuple[Pair, ...]:
    """Return the renames of the layers of a Sequential; "" is a layer without parameters."""
    return tuple(
        (f"{theirs}{place}.", f"{ours}{layer}.") for place, layer in enumerate(layers) if layer
    )


def _mapping(models: tuple[str, ...], name: str, renames: tuple[Pair, ...], key: str) -> KeyMapping:
    return KeyMapping(
        name=name,
        models=models,
        required_keys=("4.0.0.0.0.weight", key, f"{renames[-1][0]}weight"),
        renames=renames,
    )
