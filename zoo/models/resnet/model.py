"""Deep Residual Learning for Image Recognition, He et al., 1512.03385.

y = F(x) + x (Eq. 1): blocks learn what to add to their input; a plain net has no `+ x`.

ImageNet (Table 1): 7x7/2, 3x3/2 max, 4 stages of 64..512 filters   resnet18 .. resnet152, plain34
CIFAR (Sec. 4.2):   3x3, 3 stages of 2n layers, 16, 32, 64 filters  resnet20 .. resnet1202, plain20
"""

from functools import partial

from torch import nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import (
    LAYOUTS,
    Basic,
    Bottleneck,
    PostActivation,
    conv,
    imagenet_stem,
)
from zoo.modules.shortcuts import Shortcut, centred_identity, identity, projection
from zoo.modules.stages import Block, blocks_per_stage, imagenet_depths, pick, stack

IMAGENET_WIDTHS, CIFAR_WIDTHS = (64, 128, 256, 512), (16, 32, 64)
OPTIONS: dict[str, Shortcut] = {
    "A": identity,
    "B": projection,
    "C": partial(projection, always=True),
}
PADDINGS: dict[str, Shortcut] = {"end": identity, "both": centred_identity}


class ResNet(PostActivation):
    """Table 1: (B, in_chans, 224, 224) -> (B, num_classes).

    The default is what timm and torchvision call ResNet: stride in the 3x3 (layout v1.5), and
    projections (option B). Layout v1 has the stride in the first 1x1; caffe, the authors', also
    a max-pool that starts at the border. `shortcut` is option A, B or C of Sec. 4.1.
    Raises ValueError for a depth that Table 1 lacks.
    """

    def __init__(
        self,
        *,
        depth: int,
        shortcut: str = "B",
        layout: str = "v1.5",
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths = imagenet_depths(depth, (18, 34, 50, 101, 152), "Table 1")
        option = pick(OPTIONS, shortcut, "shortcut (Sec. 4.1)")
        form = pick(LAYOUTS, layout, "layout")
        block: Block = partial(Basic, shortcut=option)
        if depth >= 50:
            block = partial(Bottleneck, shortcut=option, stride_first=form.stride_first)
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=form.pool(),
            stages=stack(
                block, depths=depths, widths=IMAGENET_WIDTHS, c_in=64, drop_path_rate=drop_path_rate
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarResNet(PostActivation):
    """Sec. 4.2: (B, in_chans, 32, 32) -> (B, num_classes).

    `shortcut` is option A (the paper's) or B; `padding` is where option A has its zeros: at
    the 'end', as the authors' Torch code does, or on 'both' sides. Raises ValueError
    unless depth = 6n + 2.
    """

    def __init__(
        self,
        *,
        depth: int,
        shortcut: str = "A",
        padding: str = "end",
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        zeros = pick(PADDINGS, padding, "padding of option A")
        options: dict[str, Shortcut] = {"A": zeros, "B": projection}
        option = pick(options, shortcut, "shortcut (Sec. 4.2)")
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=stack(
                partial(Basic, shortcut=option),
                depths=blocks_per_stage(depth, layers=2, extra=2, where="Sec. 4.2"),
                widths=CIFAR_WIDTHS,
                c_in=16,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
