"""Keys of published ResNeSts: the authors' and timm's are the zoo's own."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the authors, timm",
        required_keys=("layer1.0.conv2.fc1.weight", "layer1.0.conv2.bn0.weight", "fc."),
        models=("resnest*",),
        caveat="whether images are averaged before the split attention (`fast`) is in no tensor",
    ),
]
