"""Keys of the authors' PyTorch code, which saves whole networks: pass on their state_dict()."""

from zoo.checkpoints.key_mapping import KeyMapping, Pair

PLACES = (  # of a 3x3 in the authors' network, and in the zoo's
    ("pre_layers_conv.", "conv1."),
    ("layer#.#.conv1.", "layer#.#.conv1."),
    ("layer#.#.conv2.1.", "layer#.#.conv2."),
)
ENDS = (("end_bns.#.0.", "bn.#."),)


def at_every_place(*renames: Pair) -> tuple[Pair, ...]:
    """Return the renames of what belongs to a 3x3, for all of these."""
    pairs = [(a + old, b + new) for a, b in PLACES for old, new in renames]
    return (*pairs, *((f"{a}conv.", f"{b}conv.") for a, b in PLACES), *ENDS)


SERIES = at_every_place(
    ("bns.#.0.conv.0.", "domains.#.norm."),
    ("bns.#.0.conv.1.", "domains.#.adapter."),
    ("bns.#.1.", "domains.#.bn."),
)
PARALLEL = at_every_place(
    ("parallel_conv.#.conv.", "domains.#.adapter."), ("bns.#.", "domains.#.bn.")
)

KEY_MAPPINGS = [
    KeyMapping(
        name="srebuffi/residual_adapters, series",
        required_keys=("pre_layers_conv.bns.0.0.",),
        models=("resadapt26_series*",),
        renames=SERIES,
    ),
    KeyMapping(
        name="srebuffi/residual_adapters, parallel",
        required_keys=("pre_layers_conv.parallel_conv.",),
        models=("resadapt26_parallel",),
        renames=PARALLEL,
    ),
    KeyMapping(
        name="srebuffi/residual_adapters",
        required_keys=("pre_layers_conv.bns.0.weight",),
        models=("resadapt26",),
        renames=at_every_place(("bns.#.", "domains.#.bn.")),
    ),
]
