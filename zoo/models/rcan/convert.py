"""Keys of published RCANs."""

from zoo.checkpoints.key_mapping import KeyMapping

UNIT, OURS = "body.#.residual_group.#.rcab.", "body.#.body.#.body."

KEY_MAPPINGS = [
    KeyMapping(
        name="yulunzhang/RCAN, spandrel, the zoo",
        required_keys=("body.0.body.0.body.3.conv_du.0.weight", "sub_mean.weight"),
        models=("rcan_*",),
    ),
    *(
        KeyMapping(
            name="BasicSR",
            required_keys=("body.0.residual_group.0.rcab.0.weight",),
            models=models,
            renames=(
                ("conv_first.", "head.0."),
                (f"{UNIT}0.", f"{OURS}0."),
                (f"{UNIT}2.", f"{OURS}2."),
                (f"{UNIT}3.attention.1.", f"{OURS}3.conv_du.0."),
                (f"{UNIT}3.attention.3.", f"{OURS}3.conv_du.2."),
                ("body.#.conv.", f"body.#.body.{blocks}."),
                ("conv_after_body.", f"body.{groups}."),
                ("upsample.", "tail.0."),
                ("conv_last.", "tail.1."),
            ),
            constants=("sub_mean.", "add_mean."),
        )
        for models, groups, blocks in ((("rcan_x*",), 10, 20), (("rcan_tiny_*",), 2, 4))
    ),
]
