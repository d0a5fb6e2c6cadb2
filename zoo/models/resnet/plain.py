"""The plain nets that 1512.03385 compares with: the same layers without shortcuts.

plain18, plain34 (Fig. 3, middle; Table 2)    plain20 .. plain110 (Sec. 4.2, Fig. 6 left)
"""

from torch import Tensor, nn

from zoo.models.resnet.model import CIFAR_WIDTHS, IMAGENET_WIDTHS
from zoo.modules.classifier import Head
from zoo.modules.post_activation import LAYOUTS, Basic, PostActivation, conv, imagenet_stem
from zoo.modules.stages import blocks_per_stage, imagenet_depths, stack


class Plain(Basic):
    """Two 3x3 without a shortcut (Fig. 3, middle)."""

    def __init__(self, c_in: int, width: int, stride: int, drop_path: float) -> None:
        super().__init__(c_in, width, stride, drop_path, shortcut=lambda *_: nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        return self.act2(self.residual(x))


class PlainNet(PostActivation):
    """Fig. 3, middle, of 18 or 34 layers: (B, in_chans, 224, 224) -> (B, num_classes)."""

    def __init__(
        self,
        *,
        depth: int,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        depths = imagenet_depths(depth, (18, 34), "Sec. 4.1")
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=LAYOUTS["caffe"].pool(),
            stages=stack(Plain, depths=depths, widths=IMAGENET_WIDTHS, c_in=64, drop_path_rate=0.0),
            head=Head(num_classes, global_pool, drop_rate),
        )


class CifarPlainNet(PostActivation):
    """Sec. 4.2 without shortcuts: (B, in_chans, 32, 32) -> (B, num_classes)."""

    def __init__(
        self,
        *,
        depth: int,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        depths = blocks_per_stage(depth, layers=2, extra=2, where="Sec. 4.2")
        super().__init__(
            stem=conv(in_chans, 16, 3),
            pool=nn.Identity(),
            stages=stack(Plain, depths=depths, widths=CIFAR_WIDTHS, c_in=16, drop_path_rate=0.0),
            head=Head(num_classes, global_pool, drop_rate),
        )
