"""Keys of SRResNet: the zoo's own. BasicSR's MSRResNet has no BatchNorm and is another network."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("head.1.weight", "body.0.body.4.weight"),
        models=("srresnet_*",),
    )
]
