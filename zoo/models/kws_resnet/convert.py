"""Keys of the authors' code (castorini/honk), which counts convolutions through all blocks."""

from zoo.checkpoints.key_mapping import KeyMapping, Pair


def renames(blocks: int, last: int) -> tuple[Pair, ...]:
    """Return (source, zoo) keys of the blocks and, if `last` is 1, the convolution after them."""
    layers = range(1, 2 * blocks + last + 1)
    convs = [(f"conv{i}.", f"blocks.{(i - 1) // 2}.conv{1 + (i - 1) % 2}.") for i in layers]
    norms = [(f"bn{i}.", f"blocks.{i // 2}.bn{1 + i % 2}.") for i in layers[:-1]]
    return (*convs, *norms, (f"bn{len(layers)}.", "bn."), ("output.", "fc."))


KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("conv0.weight", "fc.weight"), models=("kws_*",)),
    *(
        KeyMapping(
            name=f"castorini/honk, {name}",
            required_keys=(f"conv{2 * blocks + last}.weight", "output.weight"),
            models=(f"kws_{name}", f"kws_{name}_narrow"),
            renames=renames(blocks, last),
        )
        for name, blocks, last in (("res26", 12, 0), ("res15", 6, 1), ("res8", 3, 0))
    ),
]
