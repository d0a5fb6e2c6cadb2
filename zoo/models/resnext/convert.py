"""Keys of published ResNeXts. torchvision's and timm's are the zoo's own."""

from zoo.checkpoints import fb_resnet, pytorchcv
from zoo.checkpoints.key_mapping import KeyMapping

PARTS = {
    "conv_reduce": "conv1",
    "bn_reduce": "bn1",
    "conv_conv": "conv2",
    "bn": "bn2",
    "conv_expand": "conv3",
    "bn_expand": "bn3",
}
LONG = {"shortcut.shortcut_conv": "downsample.0", "shortcut.shortcut_bn": "downsample.1"}
SHORT = {"downsample": "downsample"}
STEM = (("conv_1_3x3.", "conv1."), ("bn_1.", "bn1."), ("classifier.", "fc."))


def units(unit: str, shortcut: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the renames of all parts of the units called `unit` in each stage."""
    return tuple(
        (f"stage_{stage}.{unit.format(stage=stage)}.{source}.", f"layer{stage}.#.{target}.")
        for stage in (1, 2, 3)
        for source, target in (PARTS | shortcut).items()
    )


KEY_MAPPINGS = [
    KeyMapping(
        name="torchvision, timm, the zoo",
        required_keys=("layer1.0.conv3.weight", "fc.weight"),
        models=("resnext*_[!1]x*", "resnext*_??x*", "resnext101_1x100d"),  # 1x64d is a ResNet
    ),
    KeyMapping(
        name="prlz77/ResNeXt.pytorch, bearpaw/pytorch-classification",
        required_keys=("stage_1.stage_1_bottleneck_0.conv_reduce.weight", "classifier.weight"),
        models=("resnext29_*",),
        renames=(*STEM, *units("stage_{stage}_bottleneck_#", LONG)),
    ),
    KeyMapping(
        name="AugMix, RobustBench",
        required_keys=("stage_1.0.conv_reduce.weight", "classifier.weight"),
        models=("resnext29_*",),
        renames=(*STEM, *units("#", SHORT)),
        ignored=(
            ("mu", "its normalisation, a buffer of the network; the zoo's is outside"),
            ("sigma", "its normalisation, a buffer of the network; the zoo's is outside"),
        ),
    ),
    pytorchcv.post_activation(("resnext29_*",), stem=pytorchcv.CONV_BN),
    pytorchcv.post_activation(("resnext50_*", "resnext101_*"), stem=pytorchcv.NESTED),
    fb_resnet.post_activation(
        tuple(f"resnext{depth}_{width}x*" for depth in (50, 101) for width in ("[!1]", "??")),
        "facebookresearch/ResNeXt, in Torch7",
    ),
]
