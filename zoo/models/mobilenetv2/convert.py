"""Keys of published MobileNetV2s. timm's are the zoo's own."""

from itertools import chain

from zoo.checkpoints.key_mapping import KeyMapping, Pair
from zoo.models.mobilenetv2.model import TABLE_2

FIRST = {"conv.0.0": "conv_dw", "conv.0.1": "bn1", "conv.1": "conv_pw", "conv.2": "bn2"}
BLOCK = {
    "conv.0.0": "conv_pw",
    "conv.0.1": "bn1",
    "conv.1.0": "conv_dw",
    "conv.1.1": "bn2",
    "conv.2": "conv_pwl",
    "conv.3": "bn3",
}
STAGES = [(i, j) for i, (_, _, depth) in enumerate(TABLE_2) for j in range(depth)]


def counted_through() -> tuple[Pair, ...]:
    """Return the renames of blocks that are numbered through: features.1 to features.17."""
    ends = chain(
        zip(("0.0", "0.1"), ("conv_stem", "bn1"), strict=True),
        zip((f"{len(STAGES) + 1}.{k}" for k in (0, 1)), ("conv_head", "bn2"), strict=True),
    )
    blocks = (
        (f"{n}.{theirs}", f"blocks.{i}.{j}.{ours}")
        for n, (i, j) in enumerate(STAGES, 1)
        for theirs, ours in (FIRST if n == 1 else BLOCK).items()
    )
    return tuple((f"features.{theirs}.", f"{ours}.") for theirs, ours in chain(ends, blocks))


KEY_MAPPINGS = [
    KeyMapping(
        name="timm",
        models=("mobilenetv2_[0-9x]*",),
        required_keys=("blocks.0.0.conv_dw.weight", "blocks.1.0.conv_pwl.weight", "conv_head."),
    ),
    KeyMapping(
        name="torchvision, chenyaofo/pytorch-cifar-models",
        models=("mobilenetv2_[0-9x]*",),
        required_keys=("features.1.conv.0.0.weight", "features.18.0.weight", "classifier.1."),
        renames=(*counted_through(), ("classifier.1.", "classifier.")),
        caveat="no tensor tells the strides: of images of 32 pixels, only the last three of 2",
    ),
]
