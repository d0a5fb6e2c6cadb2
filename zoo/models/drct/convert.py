"""Keys of published DRCTs: the authors', which spandrel and BasicSR's training share."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo", required_keys=("body.groups.0.adjust.4.weight",), models=("drct_*",)
    ),
    KeyMapping(
        name="ming053l/DRCT",
        required_keys=("layers.0.adjust5.weight", "conv_before_upsample.0.weight"),
        models=("drct_*",),
        renames=(
            ("conv_first.", "head.0."),
            ("patch_embed.norm.", "body.embed."),
            ("layers.#.swin#+1.", "body.groups.#.blocks.#."),
            ("layers.#.adjust#+1.", "body.groups.#.adjust.#."),
            ("norm.", "body.norm."),
            ("conv_after_body.", "body.conv."),
            ("conv_before_upsample.0.", "tail.0."),
            ("upsample.", "tail.2."),
            ("conv_last.", "tail.3."),
        ),
        ignored=(
            ("layers.#.swin#.attn.relative_position_index", "computed from the window"),
            ("layers.#.swin#.attn_mask", "computed from the size of the image"),
        ),
    ),
]
