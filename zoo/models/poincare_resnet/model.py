"""Poincare ResNet, van Spengler et al., 2303.14027: a ResNet whose features are hyperbolic.

image -> conv BN ReLU -> layer1 -> layer2 -> layer3 -> average -> fc -> logits

x -> conv BN ReLU -> conv BN -> (+) -> ReLU        (+): Moebius addition (Fig. 1)
 \\____ shortcut, or 1x1 conv ___/

Layers are in layers.py, the geometry in ball.py.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from zoo.models.poincare_resnet import ball
from zoo.models.poincare_resnet.layers import PoincareBatchNorm2d, PoincareConv2d, PoincareLinear
from zoo.modules.classifier import Classifier, Head
from zoo.modules.stages import blocks_per_stage, stack


def moebius_skip(branch: Tensor, x: Tensor, c: float) -> Tensor:
    """log0(exp0(F(x)) (+) exp0(x)), F first; vectors along the channels."""
    return ball.log0(ball.project(ball.add(ball.exp0(branch, c), ball.exp0(x, c), c), c), c)


class PoincareUnit(nn.Module):
    """Fig. 1: (B, c_in, H, W) -> (B, width, H / stride, W / stride)."""

    def __init__(
        self, c_in: int, width: int, stride: int, drop_path: float = 0.0, *, c: float
    ) -> None:
        super().__init__()
        self.c, self.c_out, self.stride = c, width, stride
        self.conv1 = PoincareConv2d(c_in, width, 3, stride, c=c)
        self.bn1 = PoincareBatchNorm2d(width, c=c)
        self.conv2 = PoincareConv2d(width, width, 3, c=c)
        self.bn2 = PoincareBatchNorm2d(width, c=c)
        same = (c_in, stride) == (width, 1)
        self.downsample = nn.Identity() if same else PoincareConv2d(c_in, width, 1, stride, c=c)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return moebius_skip(y, self.downsample(x), self.c).relu()


class PoincareResNet(Classifier):
    """(B, in_chans, 32, 32) -> (B, num_classes).

    Args:
        depth: 6n + 2 layers.
        width: Channels of the first stage; the others have twice and four times as many.
        c: Minus the curvature.
        num_classes: Outputs.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling, of tangent vectors.
        drop_rate: Of the dropout before the classifier.

    Raises:
        ValueError: The depth is not 6n + 2, or c is not more than 0.
    """

    fc: nn.Module

    def __init__(
        self,
        *,
        depth: int = 20,
        width: int = 8,
        c: float = 0.1,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        if c <= 0:
            raise ValueError(f"c must be more than 0, minus the curvature of the ball, not {c}")
        self.c = c
        super().__init__(
            stem={
                "conv1": PoincareConv2d(in_chans, width, 3, c=c),
                "bn1": PoincareBatchNorm2d(width, c=c),
                "act1": nn.ReLU(inplace=True),
            },
            pool=nn.Identity(),
            stages=stack(
                partial(PoincareUnit, c=c),
                depths=blocks_per_stage(depth, layers=2, extra=2, where="1512.03385, Sec. 4.2"),
                widths=[width, 2 * width, 4 * width],
                c_in=width,
                drop_path_rate=0.0,
            ),
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
        )

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer; 0 classes give Identity, `global_pool=''` no pooling."""
        super().reset_classifier(num_classes, global_pool)
        if isinstance(self.fc, nn.Linear):
            like = self.fc.weight
            self.fc = PoincareLinear(self.fc.in_features, num_classes, c=self.c).to(like)
            self.initialise(self.fc)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Half the identity, of the channels in the middle of the window; no bias."""
        if isinstance(module, PoincareConv2d | PoincareLinear):
            draw: Callable[[Tensor], object] = nn.init.eye_
            if isinstance(module, PoincareConv2d):
                draw = nn.init.dirac_
            with torch.no_grad():
                draw(module.weight)
                module.weight.mul_(0.5)
                module.bias.zero_()  # type: ignore[union-attr]
