"""Keys of published Dual Path Networks. timm's are the zoo's own."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="timm", required_keys=("features.conv2_1.c1x1_w_s1.bn.weight",), models=("dpn*",)
    ),
]
