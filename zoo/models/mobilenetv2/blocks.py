"""The inverted residual of MobileNetV2, and what Fig. 6 compares it with."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

# After a bottleneck (Fig. 6a), and whether shortcuts join bottlenecks (Fig. 6b).
BOTTLENECKS: dict[str, Callable[[], nn.Module]] = {"linear": nn.Identity, "relu6": nn.ReLU6}
SHORTCUTS = {"bottleneck": True, "none": False}


class InvertedResidual(nn.Module):
    """Table 1: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride), t c_in channels inside.

    With an expansion of 1 there is nothing to expand, and the block begins with the depthwise 3x3.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        stride: int,
        *,
        expansion: int,
        last_act: Callable[[], nn.Module] = nn.Identity,
        shortcuts: bool = True,
    ) -> None:
        super().__init__()
        self.c_out, self.stride, self.last_act = c_out, stride, last_act()
        self.has_skip = shortcuts and (c_in, stride) == (c_out, 1)
        width = c_in * expansion
        depthwise = nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False)
        project = nn.Conv2d(width, c_out, 1, bias=False)
        if expansion == 1:
            convs = {"conv_dw": depthwise, "conv_pw": project}
        else:
            expand = nn.Conv2d(c_in, width, 1, bias=False)
            convs = {"conv_pw": expand, "conv_dw": depthwise, "conv_pwl": project}
        self.names = tuple(convs)
        for i, (name, conv) in enumerate(convs.items(), 1):
            self.add_module(name, conv)
            self.add_module(f"bn{i}", nn.BatchNorm2d(conv.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i, name in enumerate(self.names, 1):
            y = self.get_submodule(f"bn{i}")(self.get_submodule(name)(y))
            if i < len(self.names):
                y = F.relu6(y, inplace=True)
        y = self.last_act(y)
        return x + y if self.has_skip else y
