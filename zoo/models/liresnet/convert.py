"""Keys of the authors' LiResNets (klasleino/gloro, snapshots/hu23_snapshot.zip)."""

from typing import Any

from zoo.checkpoints.key_mapping import KeyMapping

DEEPEST = 18


def to_places(tensor: Any) -> Any:
    """Return the weights, or the vector, of a linear layer as those of a 4x4 convolution."""
    rows, columns = tensor.shape
    return tensor.view(rows, columns // 16, 4, 4)


VECTOR = (("init_x", "vector"), ("", ""))
BLOCK = (("residual.3.scale", "scale"), ("affine", "gamma"), *VECTOR)
LAYERS: list[
    tuple[str, str, tuple[tuple[str, str], ...]]
] = [  # their prefix, the zoo's, and the tensors of other names
    ("stem.0.", "conv1.", VECTOR),
    ("neck.0.", "neck.0.", VECTOR),
    ("neck.3.", "neck.2.", VECTOR),
]
for i in range(DEEPEST):
    theirs, ours = f"backbone.{2 * i}.", f"blocks.{i}.layer."
    LAYERS += [(f"{theirs}residual.{2 * j}.", f"{ours}conv{j + 1}.", VECTOR) for j in (0, 1)]
    LAYERS += [(theirs, ours, BLOCK)]

KEY_MAPPINGS = [
    KeyMapping(
        name="klasleino/gloro",
        required_keys=("stem.0.init_x", "backbone.0.", "neck.3.init_x"),
        models=("liresnet_*",),
        renames=(
            *((f"{theirs}{a}", f"{ours}{b}") for theirs, ours, names in LAYERS for a, b in names),
            ("head.", "fc."),
        ),
        transforms=(
            (r"neck\.2\.(weight|vector)", to_places, lambda t: t.flatten(1)),
            (
                r"blocks\.\d+\.layer\.gamma",
                lambda t: t.flatten(),
                lambda t: t[:, None, None, None],
            ),
        ),
        ignored=(
            ("backbone.#.identity", "the shortcut is no kernel"),
            ("init_layer", "the vectors of all blocks at once"),
        ),
    )
]
