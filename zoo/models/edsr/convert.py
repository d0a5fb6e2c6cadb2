"""Keys of published EDSRs and MDSRs."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="sanghyun-son/EDSR-PyTorch, the zoo",
        required_keys=("body.0.body.2.weight", "head.0.weight", "sub_mean.weight"),
        models=("edsr_*", "mdsr"),
    ),
    *(
        KeyMapping(
            name="BasicSR",
            required_keys=("conv_first.weight", "body.0.conv1.weight"),
            models=models,
            renames=(
                ("conv_first.", "head.0."),
                ("body.#.conv1.", "body.#.body.0."),
                ("body.#.conv2.", "body.#.body.2."),
                ("conv_after_body.", f"body.{blocks}."),
                ("upsample.", "tail.0."),
                ("conv_last.", "tail.1."),
            ),
            constants=("sub_mean.", "add_mean."),
        )
        for models, blocks in ((("edsr_x*",), 32), (("edsr_baseline_*",), 16))
    ),
]
