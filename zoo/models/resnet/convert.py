"""Keys of published ResNets. torchvision's, timm's and chenyaofo's are the zoo's own."""

from zoo.checkpoints.key_mapping import KeyMapping

CIFAR = ("resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202")

KEY_MAPPINGS = [
    KeyMapping(
        name="torchvision, timm, chenyaofo/pytorch-cifar-models",
        required_keys=("layer1.0.conv1.weight", "fc.weight"),
        models=(*CIFAR, "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
        candidate_args=({}, {"shortcut": "B"}),
    ),
    KeyMapping(
        name="akamaster/pytorch_resnet_cifar10",
        required_keys=("layer1.0.conv1.weight", "linear.weight"),
        models=CIFAR,
        renames=(("linear.", "fc."),),
        candidate_args=({"padding": "both"},),
        caveat="shortcuts have zeros on both sides (padding='both'), which no tensor tells",
    ),
]
