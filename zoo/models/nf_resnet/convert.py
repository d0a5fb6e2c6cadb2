"""Keys of published NF-ResNets. timm's are the zoo's own; no tensor tells the forms apart."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="timm",
        required_keys=("stem.conv.gain", "stages.0.0.conv3.gain"),
        models=("nf_resnet26", "nf_resnet50", "nf_resnet101", "nf_regnet_*"),
    ),
]
