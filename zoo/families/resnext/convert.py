"""Keys of published ResNeXts. torchvision's and timm's are the zoo's own."""

from zoo.schemes import Scheme

PARTS = {
    "conv_reduce": "conv1",
    "bn_reduce": "bn1",
    "conv_conv": "conv2",
    "bn": "bn2",
    "conv_expand": "conv3",
    "bn_expand": "bn3",
    "shortcut.shortcut_conv": "downsample.0",
    "shortcut.shortcut_bn": "downsample.1",
    "downsample": "downsample",
}
STEM = ((r"conv_1_3x3\.", "conv1."), (r"bn_1\.", "bn1."), (r"classifier\.", "fc."))


def units(pattern: str) -> tuple[tuple[str, str], ...]:
    """Renames of every part of the units that `pattern` finds by stage and number."""
    return tuple(
        (pattern + theirs.replace(".", r"\.") + r"\.", rf"layer\1.\2.{ours}.")
        for theirs, ours in PARTS.items()
    )


SCHEMES = [
    Scheme(
        name="torchvision, timm, the zoo",
        marks=("layer1.0.conv3.weight", "fc.weight"),
        models=("resnext*_[!1]x*", "resnext*_??x*", "resnext101_1x100d"),  # 1x64d is a ResNet
    ),
    Scheme(
        name="prlz77/ResNeXt.pytorch, bearpaw/pytorch-classification",
        marks=("stage_1.stage_1_bottleneck_0.conv_reduce.weight", "classifier.weight"),
        models=("resnext29_*",),
        renames=(*STEM, *units(r"stage_(\d)\.stage_\d_bottleneck_(\d+)\.")),
    ),
    Scheme(  # its normalisation is in the network, as two buffers
        name="AugMix, RobustBench",
        marks=("stage_1.0.conv_reduce.weight", "classifier.weight"),
        models=("resnext29_*",),
        renames=(*STEM, (r"mu$|sigma$", ""), *units(r"stage_(\d)\.(\d+)\.")),
    ),
]
