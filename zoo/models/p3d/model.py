"""Pseudo-3D residual networks (Qiu et al., 1711.10305), as the authors' prototxt has P3D-199.

clip -> conv1 -> pool -> layer1 -> pool -> layer2 -> pool -> layer3 -> pool -> layer4 -> fc
T 16     16       8        8        4        4        2        2        1        1

conv1 is 1x7x7 of stride 2 in height and width; the pools halve the time, the first all three.
Units are in units.py: those of layer1 to layer3 are P3D, those of layer4 see single frames.
"""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from timm.models._features import feature_take_indices
from torch import Tensor, nn

from zoo.models.p3d.units import Unit, conv
from zoo.modules.stages import DEPTHS, pick

# Layers of the network -> of the ResNet for images whose stages it has: a P3D unit has one more.
IMAGE_DEPTHS = {63: 50, 131: 101, 199: 152}
CLIP = (16, 160, 160)  # frames, and pixels of each, of the authors' prototxt


def halve_time(window: int = 1, stride: int = 1) -> nn.MaxPool3d:
    """Pooling over two frames, and over `window` pixels; rounds up, as Caffe does."""
    return nn.MaxPool3d((2, window, window), (2, stride, stride), ceil_mode=True)


class P3D(nn.Module):
    """(B, in_chans, T, H, W) -> (B, num_classes), for clips of any length and size.

    Args:
        depth: 63, 131 or 199 layers: the stages of ResNet-50, -101 or -152.
        kinds: Of the P3D units in turn, of "a", "b" and "c"; "2d" gives ResNet on frames.
        filters: Of conv1; a stage's units have 4, 8, 16 and 32 times as many outputs.
        num_classes: Outputs; 0 for none.
        in_chans: Channels of a frame: 3, or 2 of optical flow.
        drop_rate: Of the dropout before the last layer.

    Raises:
        ValueError: The paper has no such depth or unit.

    Example:
        >>> import torch
        >>> network = P3D(depth=63, filters=8, num_classes=101).eval()
        >>> network(torch.zeros(1, 3, 16, 32, 32)).shape
        torch.Size([1, 101])
    """

    stages = ("layer1", "layer2", "layer3", "layer4")

    def __init__(
        self,
        *,
        depth: int = 199,
        kinds: Sequence[str] = ("a", "b", "c"),
        filters: int = 64,
        num_classes: int = 400,
        in_chans: int = 3,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        depths = DEPTHS[pick(IMAGE_DEPTHS, depth, "depth")]
        if not kinds:
            raise ValueError("kinds must name one unit or more (Sec. 3.2)")
        self.in_chans, self.num_features = in_chans, 32 * filters
        self.conv1 = conv(in_chans, filters, (1, 7, 7), 2)
        self.pool = halve_time(3, 2)
        kind, c_in = cycle(kinds), filters
        for i, (name, count) in enumerate(zip(self.stages, depths, strict=True)):
            units: list[nn.Module] = [halve_time()] if i else []
            chosen = ["2d"] * count if name == "layer4" else islice(kind, count)
            for j, each in enumerate(chosen):
                unit = Unit(c_in, filters << i, 2 if i and not j else 1, each)
                c_in = unit.c_out
                units.append(unit)
            self.add_module(name, nn.Sequential(*units))
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten())
        self.dropout = nn.Dropout(drop_rate)
        self.reset_classifier(num_classes)
        self.apply(initialise)

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"classes": self.num_classes, "input_size": (self.in_chans, *CLIP)}

    def get_classifier(self) -> nn.Module:
        """Return the last layer."""
        return self.fc

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last layer; 0 classes give Identity."""
        like, self.num_classes = next(self.parameters()), num_classes
        layer = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()
        self.fc = layer.to(like.device, like.dtype)

    def forward_intermediates(
        self, x: Tensor, indices: int | list[int] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the features, and the outputs of the stages at `indices`: all if None."""
        taken, _ = feature_take_indices(len(self.stages), indices)
        x, maps = self.pool(self.conv1(x).relu()), []
        for name in self.stages:
            x = self.get_submodule(name)(x)
            maps.append(x)
        return x, [maps[i] for i in taken]

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, in_chans, T, H, W) -> (B, num_features, T / 16, H / 32, W / 32), rounded up."""
        return self.forward_intermediates(x)[0]

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Features -> (B, num_classes), or the last layer's input if `pre_logits`."""
        x = self.dropout(self.global_pool(x))
        return x if pre_logits else self.fc(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


def initialise(module: nn.Module) -> None:
    """Draw convolutions by He et al. 2015 (1502.01852), by fan-out."""
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
