"""Keys of published Wide ResNets."""

from zoo.checkpoints import pytorchcv
from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo, for CIFAR",
        required_keys=("layer3.0.conv1.weight", "bn.weight"),
        models=("wrn*",),
    ),
    KeyMapping(
        name="torchvision, timm",
        required_keys=("layer4.0.conv1.weight", "bn1.weight"),
        models=("wide_resnet50_2",),
    ),
    KeyMapping(
        name="xternalz/WideResNet-pytorch, RobustBench",
        required_keys=("block1.layer.0.conv1.weight",),
        models=("wrn*",),
        renames=(
            ("block#.layer.#.convShortcut.", "layer#.#.downsample."),
            ("block#.layer.#.", "layer#.#."),
            ("bn1.", "bn."),
        ),
    ),
    pytorchcv.pre_activation(("wrn*",), stem=pytorchcv.CONV),
    KeyMapping(
        name="szagoruyko/functional-zoo, folded",
        required_keys=("group0.block0.conv_dim.weight",),
        models=("wide_resnet50_2",),
        renames=(
            ("conv0.", "conv1."),
            ("group#.block#.conv_dim.", "layer#+1.#.downsample.0."),
            ("group#.block#.conv#.", "layer#+1.#.conv#+1."),
        ),
        candidate_args=({"folded": True},),
    ),
]
