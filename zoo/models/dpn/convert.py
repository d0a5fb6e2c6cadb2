"""Keys of published Dual Path Networks. timm's are the zoo's own."""

from zoo.checkpoints.key_mapping import KeyMapping

UNIT = {"conv1": "c1x1_a", "conv2": "c3x3_b"}
JOINT = UNIT | {"conv3": "c1x1_c"}
SPLIT = UNIT | {"preactiv": "c1x1_c", "conv3a": "c1x1_c1", "conv3b": "c1x1_c2"}

KEY_MAPPINGS = [
    KeyMapping(
        name="timm", required_keys=("features.conv2_1.c1x1_w_s1.bn.weight",), models=("dpn*",)
    ),
    *(
        KeyMapping(
            name="pytorchcv",
            required_keys=("features.stage1.unit1.conv_proj.conv.weight",),
            models=models,
            renames=(
                ("features.init_block.", "features.conv1_1."),
                *(
                    (f"features.stage{i}.unit#.{theirs}.", f"features.conv{i + 1}_#.{ours}.")
                    for i, stride in ((1, 1), (2, 2), (3, 2), (4, 2))
                    for theirs, ours in ({"conv_proj": f"c1x1_w_s{stride}"} | unit).items()
                ),
                ("features.final_block.activ.bn.", "features.conv5_bn_ac.bn."),
                ("output.classifier.", "classifier."),
            ),
        )
        for models, unit in ((("dpn68b",), SPLIT), (("dpn68", "dpn9*", "dpn1*"), JOINT))
    ),
]
