"""Keys of the authors' SkipNets. Their gate of a block is the zoo's of the next one."""

from itertools import product

from zoo.checkpoints.key_mapping import KeyMapping

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
PROJECTION = ("0.weight", *(f"1.{key}" for key in NORM))
CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
LAST = {"ff": "linear_layer.", "rnn": "1."}  # layer of a gate
GATE = (
    *(f"{last}{key}" for last, key in product(LAST.values(), ("weight", "bias"))),
    *(f"conv{i}.weight" for i in (1, 2)),
    *(f"bn{i}.{key}" for i, key in product((1, 2), NORM)),
)


def mapping(*blocks: int, gate: str, model: str) -> KeyMapping:
    """Return the mapping of a network of `blocks` in each stage, with gates ff or rnn."""
    groups = len(blocks)
    stages = [(f"group{i}_gate{n - 1}.", f"layer{i + 1}.0.gate.") for i, n in enumerate(blocks, 1)]
    pairs = (*stages, ("group#_gate#.", "layer#.#+1.gate."))
    return KeyMapping(
        name=f"ucbdrive/skipnet, {model.removeprefix('skipnet')}",
        required_keys=("group1_layer0.conv1.weight", f"group{groups}_gate{blocks[-1] - 2}."),
        models=(model,),
        renames=(
            *((f"{theirs}{LAST[gate]}", f"{ours}fc.") for theirs, ours in pairs),
            *pairs,
            ("group#_layer#.", "layer#.#."),
            *((f"control.rnn.{key}_l0", f"control.cell.{key}") for key in CELL),
        ),
        transforms=(
            (r"control\.proj\.weight", lambda t: t.flatten(1), lambda t: t[..., None, None]),
        )
        if groups > 3  # for ImageNet a convolution
        else (),
        tied=tuple(
            (f"group{i}_ds0.{key}", f"group{i}_layer0.downsample.{key}")
            for i, key in product(range(1, groups + 1), PROJECTION)
        ),
        ignored=tuple(
            (f"{stages[-1][0]}{key}", "it decides on a block after the last one") for key in GATE
        ),
    )


DEPTHS: dict[int, tuple[int, ...]] = {6 * n + 2: (n, n, n) for n in (6, 12, 18, 25)}
DEPTHS |= {34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
KEY_MAPPINGS = [
    mapping(*blocks, gate=gate, model=f"skipnet{depth}_{gate}")
    for depth, blocks in DEPTHS.items()
    for gate in (("ff", "rnn") if depth in (38, 74, 110) else ("rnn",))
]
