"""Keys of published DRLNs: the authors'."""

from zoo.checkpoints.key_mapping import KeyMapping

UNIT = "body.units.#."

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("body.units.0.attend.gate.0.weight",),
        models=("drln_*",),
    ),
    KeyMapping(
        name="saeed-anwar/DRLN",
        required_keys=("b1.ca.c4.body.0.weight", "upsample.up.body.0.weight"),
        models=("drln_*",),
        renames=(
            ("sub_mean.shifter.", "sub_mean."),
            ("add_mean.shifter.", "add_mean."),
            ("head.", "head.0."),
            ("b#+1.r#+1.", f"{UNIT}units.#."),
            ("b#+1.g.body.", f"{UNIT}fuse."),
            ("b#+1.ca.c4.body.", f"{UNIT}attend.gate."),
            ("b#+1.ca.c#+1.body.", f"{UNIT}attend.branches.#."),
            ("c#+1.body.", "body.fusions.#."),
            ("upsample.up.body.", "tail.0."),
            ("tail.", "tail.1."),
        ),
    ),
]
