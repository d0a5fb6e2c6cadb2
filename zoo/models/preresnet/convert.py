"""Keys of published pre-activation ResNets."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo", required_keys=("layer3.0.conv1.weight", "bn.weight"), models=("preresnet*",)
    )
]
