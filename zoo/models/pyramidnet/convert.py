"""Keys of published PyramidNets."""

from zoo.checkpoints import pytorchcv
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
    pytorchcv.pre_activation(("pyramidnet110_*",), stem=pytorchcv.CONV_BN, last_norm="bn3"),
    pytorchcv.pre_activation(
        ("pyramidnet1[!1]*", "pyramidnet2*"), stem=pytorchcv.CONV_BN, last_norm="bn4"
    ),
]
