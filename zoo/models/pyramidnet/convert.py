"""Keys of published PyramidNets."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo", required_keys=("layer3.0.bn3.weight", "bn.weight"), models=("pyramidnet*",)
    ),
    KeyMapping(
        name="dyhan0920/PyramidNet-PyTorch",
        required_keys=("layer3.0.bn3.weight", "bn_final.weight"),
        models=("pyramidnet*",),
        renames=(("bn_final.", "bn."),),
    ),
]
