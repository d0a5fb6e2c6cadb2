"""Keys of published Wide ResNets."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo, for CIFAR", marks=("layer3.0.conv1.weight", "bn.weight"), models=("wrn*",)
    ),
    KeyMapping(
        name="torchvision, timm",
        marks=("layer4.0.conv1.weight", "bn1.weight"),
        models=("wide_resnet50_2",),
    ),
    KeyMapping(
        name="xternalz/WideResNet-pytorch, RobustBench",
        marks=("block1.layer.0.conv1.weight",),
        models=("wrn*",),
        renames=(
            ("block#.layer.#.convShortcut.", "layer#.#.downsample."),
            ("block#.layer.#.", "layer#.#."),
            ("bn1.", "bn."),
        ),
    ),
]
