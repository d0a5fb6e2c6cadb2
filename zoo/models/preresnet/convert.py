"""Keys of published pre-activation ResNets."""

from zoo.checkpoints import fb_resnet, pytorchcv
from zoo.checkpoints.key_mapping import KeyMapping

STRIDE = "no tensor tells the stride: in the first 1x1, in those called b (preresnet50b) in the 3x3"

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo", required_keys=("layer3.0.conv1.weight", "bn.weight"), models=("preresnet*",)
    ),
    pytorchcv.pre_activation(
        ("preresnet20", "preresnet110"),
        stem=pytorchcv.CONV,
        candidate_args=({"shortcut": "B", "shares": False},),
    ),
    pytorchcv.pre_activation(
        ("preresnet164", "preresnet1001"),
        stem=pytorchcv.CONV,
        candidate_args=({"stride_first": False},),
    ),
    pytorchcv.pre_activation(
        ("preresnet50", "preresnet101", "preresnet152", "preresnet200"),
        stem=pytorchcv.CONV_BN,
        candidate_args=({"stride_first": True, "activated": False},),
        caveat=STRIDE,
    ),
    pytorchcv.post_activation(
        ("resnet164", "resnet1001"),
        stem=pytorchcv.CONV_BN,
        candidate_args=({"stride_first": False},),
    ),
    pytorchcv.post_activation(
        ("resnet200_v1",),
        stem=pytorchcv.NESTED,
        candidate_args=({"layout": "v1"},),
        caveat=STRIDE,
    ),
    fb_resnet.pre_activation(
        ("preresnet50", "preresnet101", "preresnet152", "preresnet200"),
        "facebookarchive/fb.resnet.torch, in Torch7",
    ),
]
