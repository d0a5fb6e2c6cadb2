"""Keys of published ResNets. torchvision's, timm's and chenyaofo's are the zoo's own."""

from zoo.checkpoints import fb_resnet, pytorchcv
from zoo.checkpoints.key_mapping import KeyMapping

CIFAR = ("resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202")
IMAGENET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")

KEY_MAPPINGS = [
    KeyMapping(
        name="torchvision, timm, chenyaofo/pytorch-cifar-models",
        required_keys=("layer1.0.conv1.weight", "fc.weight"),
        models=(*CIFAR, *IMAGENET),
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
    pytorchcv.post_activation(CIFAR, stem=pytorchcv.CONV_BN, candidate_args=({"shortcut": "B"},)),
    pytorchcv.post_activation(
        IMAGENET,
        stem=pytorchcv.NESTED,
        candidate_args=({"layout": "v1"},),
        caveat="no tensor tells the stride: in the first 1x1, in resnet50b and the like in the 3x3",
    ),
    fb_resnet.post_activation(IMAGENET, "facebookarchive/fb.resnet.torch, in Torch7"),
]
