"""Keys of the authors' code: one list, of the stem and of blocks, blocks and a RevSilo a layer."""

from collections.abc import Iterator

from zoo.checkpoints.key_mapping import KeyMapping, Pair
from zoo.models.revbifpn import SIZES

NEW, LEVELS = 3, 4  # layers that make levels, and levels after them
PARTS = {"f": 0, "g": 1}  # of a pair of blocks


def layers(count: int) -> Iterator[Pair]:
    """Yield the pairs of all layers; theirs number the branches up from the last level."""
    for n in range(count):
        place, levels = f"layers.{n}", min(n + 2, LEVELS)
        for repeat in range(2):
            for part, i in PARTS.items():
                theirs = f"rev_stack.{3 * n + 1 + repeat}.rev_transform_#.{part}.xform_0_1."
                yield theirs, f"{place}.blocks.{repeat}.#.{i}.layers."
        silo = f"rev_stack.{3 * n + 3}"
        yield f"{silo}.f.xform_#_#.", f"{place}.down.#_#.layers."
        for a in range(levels):
            for b in range(a + 1, levels):
                ours = f"{place}.up.{levels - 1 - a}_{levels - 1 - b}.layers."
                yield f"{silo}.g.xform_{a}_{b}.", ours


KEY_MAPPINGS = [
    KeyMapping(
        name="CerebrasResearch/RevBiFPN",
        models=("revbifpn_*",),
        required_keys=("rev_stack.1.rev_transform_0.f.xform_0_1.", "head.pyramid_heads.0."),
        renames=(
            *layers(NEW + max(fusions for *_, fusions in SIZES.values())),
            ("rev_stack.recomp_op.recomp_transform_#.", "neck.#."),
            ("head.pyramid_heads.#.", "merge.down.#."),
            ("head.final_conv.", "merge.conv."),
            ("head.fc.", "fc."),
        ),
    ),
]
