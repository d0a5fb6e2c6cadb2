"""Keys of published RevCols: those of a network with one classifier, and with four."""

from zoo.checkpoints.key_mapping import KeyMapping

LEVELS = (
    ("subnet#.alpha#", "subnet#.level#.alpha"),
    ("subnet#.level#.fusion.down.", "subnet#.level#.down."),
    ("subnet#.level#.fusion.up.channel_reschedule.0.", "subnet#.level#.up.0.linear."),
    ("subnet#.level#.fusion.up.channel_reschedule.1.", "subnet#.level#.up.0.norm."),
    ("subnet#.level#.fusion.up2.channel_reschedule.0.", "subnet#.level#.up.1.linear."),
    ("subnet#.level#.fusion.up2.channel_reschedule.1.", "subnet#.level#.up.1.norm."),
)
NOTHING = (("subnet0.alpha#", "it multiplies the column before the first, which is 0"),)

KEY_MAPPINGS = [
    KeyMapping(
        name="megvii-research/RevCol",
        required_keys=("subnet0.level0.", "cls.classifier.1.weight"),
        models=("revcol_*",),
        renames=(
            *LEVELS,
            ("cls.classifier.0.", "head.norm."),
            ("cls.classifier.1.", "head.fc."),
        ),
        ignored=NOTHING,
    ),
    KeyMapping(
        name="megvii-research/RevCol, supervised",
        required_keys=("subnet0.level0.", "cls_blocks.3.classifier.1.weight"),
        models=("revcol_*",),
        renames=(
            *LEVELS,
            ("cls_blocks.3.classifier.0.", "head.norm."),
            ("cls_blocks.3.classifier.1.", "head.fc."),
            ("cls_blocks.#.classifier.0.", "supervision.#.head.norm."),
            ("cls_blocks.#.classifier.1.", "supervision.#.head.fc."),
            ("decoder_blocks.#.proj_layers.#.0.", "supervision.#.decoder.stages.#.proj."),
            ("decoder_blocks.#.proj_layers.#.1.", "supervision.#.decoder.stages.#.norm."),
            ("decoder_blocks.#.normal_layers.#.0.", "supervision.#.decoder.stages.#.block."),
            ("decoder_blocks.#.projback.", "supervision.#.decoder.projback."),
        ),
        candidate_args=({"inter_supv": True},),
        ignored=NOTHING,
    ),
]
