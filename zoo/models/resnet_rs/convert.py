"""Keys of published ResNet-RSs: timm's are the zoo's own."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="timm",
        required_keys=("maxpool.0.weight", "layer1.0.se.fc1.weight", "fc."),
        models=("resnetrs*",),
    ),
]
