"""Keys of published Res2Nets: the authors' and timm's are the zoo's own."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the authors, timm",
        required_keys=("layer1.0.convs.0.weight", "fc.weight"),
        models=("res2net*", "res2next*[!d]"),
    ),
    KeyMapping(
        name="timm", required_keys=("level5.tree1.convs.0.weight", "fc."), models=("dla60_*",)
    ),
]
