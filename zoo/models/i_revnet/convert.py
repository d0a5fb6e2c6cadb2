"""Keys of the authors' code, whose blocks are in one list, and of pytorchcv."""

from zoo.checkpoints.key_mapping import KeyMapping, Pair
from zoo.models._registry import get_entry

LAYERS = ("bn1", "", "conv1", "bn2", "", "conv2", "", "bn3", "", "conv3")  # of a block, in order


def in_one_list(blocks: tuple[int, ...]) -> tuple[Pair, ...]:
    """Return the pairs of all blocks; the very first one has no first BN and ReLU."""
    places = [f"stages.{i}.blocks.{j}." for i, count in enumerate(blocks) for j in range(count)]
    return tuple(
        (f"stack.{n}.bottleneck_block.{k}.", f"{place}{layer}.")
        for n, place in enumerate(places)
        for k, layer in enumerate(LAYERS if n else LAYERS[2:])
        if layer
    )


def authors(model: str) -> KeyMapping:
    """Return the mapping of one network."""
    blocks = get_entry(model).args["blocks"]
    return KeyMapping(
        name="jhjacobsen/pytorch-i-revnet",
        models=(model,),
        required_keys=("stack.0.bottleneck_block.0.weight", f"stack.{sum(blocks) - 1}."),
        renames=(*in_one_list(blocks), ("bn1.", "bn."), ("linear.", "fc.")),
    )


UNIT, BLOCK = "features.stage#+1.unit#+1.bottleneck.", "stages.#.blocks.#."
KEY_MAPPINGS = [
    authors("irevnet301"),
    authors("irevnet163"),
    KeyMapping(
        name="pytorchcv",
        models=("irevnet301",),
        required_keys=("features.stage1.unit1.bottleneck.conv1.weight", "final_postactiv"),
        renames=(
            ("features.stage1.unit1.bottleneck.conv1.", "stages.0.blocks.0.conv1."),
            (f"{UNIT}conv#.bn.", f"{BLOCK}bn#."),
            (f"{UNIT}conv#.conv.", f"{BLOCK}conv#."),
            ("features.final_postactiv.bn.", "bn."),
            ("output.", "fc."),
        ),
    ),
]
