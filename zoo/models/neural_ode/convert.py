"""Keys of the authors' script, which counts the layers of one nn.Sequential."""

from zoo.checkpoints.key_mapping import KeyMapping, Pair

BLOCKS = 6  # of the ResNet
# Stem -> its layers that have tensors, by their numbers; the number of the first block after it.
STEMS: dict[str, tuple[dict[int, str], int]] = {
    "conv": ({0: "conv1", 1: "norm1", 3: "conv2", 4: "norm2", 6: "conv3"}, 7),
    "res": ({0: "conv1", 1: "blocks.0", 2: "blocks.1"}, 3),
}


def renames(stem: str, blocks: int) -> tuple[Pair, ...]:
    """Return (source, zoo) keys of a ResNet of some blocks, or with 0 of an ODE in their place."""
    layers, first = STEMS[stem]
    names, place = dict(layers), sum(name.startswith("blocks") for name in layers.values())
    names |= {first + i: f"blocks.{place + i}" for i in range(blocks)}
    after = first + max(blocks, 1)  # norm, ReLU, average, flatten, linear
    names |= {after: "norm", after + 4: "fc"}
    theirs, ours = f"{first}.odefunc.", f"blocks.{place}.f."
    convs = [(f"{theirs}conv{i}._layer.", f"{ours}conv{i}.") for i in (1, 2)]
    return (*convs, (theirs, ours), *((f"{n}.", f"{name}.") for n, name in names.items()))


KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("conv1.weight", "blocks.0.", "fc.weight"),
        models=("odenet_mnist_*", "rknet_mnist_*", "resnet_mnist6_*"),
    ),
    *(
        KeyMapping(
            name=f"rtqichen/torchdiffeq, ODE-Net, {stem}",
            required_keys=(f"{first}.odefunc.norm3.weight",),
            models=(f"odenet_mnist_{stem}", f"rknet_mnist_{stem}"),
            renames=renames(stem, 0),
        )
        for stem, (_, first) in STEMS.items()
    ),
    *(
        KeyMapping(
            name=f"rtqichen/torchdiffeq, ResNet, {stem}",
            required_keys=(
                f"{first + BLOCKS - 1}.conv2.weight",
                f"{first + BLOCKS + 4}.weight",
            ),
            models=(f"resnet_mnist6_{stem}",),
            renames=renames(stem, BLOCKS),
        )
        for stem, (_, first) in STEMS.items()
    ),
]
