"""Residual Attention Network, Wang et al., 1704.06904, as the authors' prototxts have it.

image -> conv1 -> maxpool -> layer1 -> layer2 -> layer3 -> layer4 -> average -> fc -> logits

layer1 to layer3 are a bottleneck and attention modules, whose masks go down 3, 2 and 1 levels;
layer4 is three bottlenecks. The modules are in attention.py.
"""

from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from zoo.models.residual_attention.attention import AttentionModule, Unit
from zoo.modules.classifier import Head
from zoo.modules.post_activation import LAYOUTS, Bottleneck, PostActivation, conv, imagenet_stem
from zoo.modules.pre_activation import PreActivation, PreUnit
from zoo.modules.shortcuts import bare_projection, projection


def pre_bottleneck(c_in: int, c_out: int, stride: int) -> nn.Module:
    """A unit of Attention-56 and -92: BatchNorm and ReLU before each convolution."""
    width = c_out // 4
    convs = [conv(c_in, width, 1), conv(width, width, 3, stride), conv(width, c_out, 1)]
    return PreUnit(convs, shortcut=bare_projection, drop_path=0.0)


def grouped(width: int, stride: int) -> nn.Conv2d:
    """3x3 convolution, twice as wide, in 32 groups: ResNeXt's 32x4d where `width` is 64."""
    return nn.Conv2d(2 * width, 2 * width, 3, stride, 1, groups=32, bias=False)


def next_bottleneck(c_in: int, c_out: int, stride: int) -> nn.Module:
    """A unit of AttentionNeXt-56, which ends in a ReLU."""
    return Bottleneck(c_in, c_out // 4, stride, 0.0, shortcut=projection, middle=grouped)


def attention_stages(
    modules: Sequence[int],
    filters: int,
    *,
    unit: Unit,
    activation: Callable[[int], nn.Module],
) -> dict[str, nn.Sequential]:
    """Return layer1 to layer4 (Table 4); `modules` are the attention modules of the first three."""
    if len(modules) != 3 or min(modules) < 1:
        raise ValueError(f"modules must be three, of 1 or more (Table 4), not {list(modules)}")
    stages, c_in = {}, filters
    for i, count in enumerate(modules):
        c_out = 4 * filters << i
        module = partial(AttentionModule, c_out, 3 - i, unit=unit, activation=activation)
        first = unit(c_in, c_out, 2 if i else 1)
        stages[f"layer{i + 1}"] = nn.Sequential(first, *(module() for _ in range(count)))
        c_in = c_out
    units = [unit(c_in, 2 * c_in, 2), *(unit(2 * c_in, 2 * c_in, 1) for _ in range(2))]
    return stages | {"layer4": nn.Sequential(*units)}


def norm_relu(channels: int) -> nn.Module:
    """BatchNorm, ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class ResidualAttention(PreActivation):
    """Attention-56 and -92, of pre-activation units: (B, in_chans, 224, 224) -> (B, num_classes).

    Args:
        modules: Attention modules of the first three stages: 1, 1, 1 or 1, 2, 3.
        filters: Of conv1; a stage's bottlenecks have 4, 8, 16 and 32 times as many outputs.
        num_classes: Outputs.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the dropout before the classifier.

    Raises:
        ValueError: `modules` are not three.
    """

    def __init__(
        self,
        *,
        modules: Sequence[int] = (1, 1, 1),
        filters: int = 64,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem={
                "conv1": imagenet_stem(in_chans, filters),
                "bn1": nn.BatchNorm2d(filters),
                "act1": nn.ReLU(inplace=True),
            },
            pool=LAYOUTS["caffe"].pool(),
            stages=attention_stages(modules, filters, unit=pre_bottleneck, activation=norm_relu),
            head=Head(num_classes, global_pool, drop_rate),
        )


class AttentionNeXt(PostActivation):
    """AttentionNeXt-56, of ResNeXt's units; the arguments are those of ResidualAttention."""

    def __init__(
        self,
        *,
        modules: Sequence[int] = (1, 1, 1),
        filters: int = 64,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        activation = nn.Identity  # every unit ends in a ReLU
        super().__init__(
            stem=imagenet_stem(in_chans, filters),
            pool=LAYOUTS["caffe"].pool(),
            stages=attention_stages(modules, filters, unit=next_bottleneck, activation=activation),
            head=Head(num_classes, global_pool, drop_rate),
        )
