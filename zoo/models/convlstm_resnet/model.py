"""Self-regulated networks, Xu et al., 2101.00590: ResNets with a memory along each stage.

image -> conv1 -> stage -> ... -> average -> fc        stage: units.py, its memory: cells.py

The authors call them RegNet, a name that others use for another network.
"""

from collections.abc import Sequence

from torch import nn

from zoo.models.convlstm_resnet.cells import CELLS
from zoo.models.convlstm_resnet.units import BasicUnit, BottleneckUnit, RegulatedStage
from zoo.modules.classifier import Head
from zoo.modules.post_activation import LAYOUTS, PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import Shortcut, identity, projection
from zoo.modules.stages import blocks_per_stage, imagenet_depths, pick


def regulated_stages(
    unit: type[BasicUnit],
    *,
    depths: Sequence[int],
    width: int,
    rnn: str,
    shortcut: Shortcut,
    drop_path_rate: float,
) -> dict[str, RegulatedStage]:
    """Return layer1 ... layerN; all but the first halve the image and double the width."""
    cells = {name: cell.states for name, cell in CELLS.items()}
    states = pick({**cells, "none": 0}, rnn, "rnn (Sec. III)")
    rates = iter(drop_path_rate * i / max(sum(depths) - 1, 1) for i in range(sum(depths)))
    stages, c_in = {}, width
    for i, depth in enumerate(depths):
        units, wide, stride = [], width << i, 2 if i else 1
        for j in range(depth):
            kept = states if j < depth - 1 else min(states, 1)  # nothing follows the last unit's c
            units.append(
                unit(c_in, wide, 1 if j else stride, next(rates), shortcut=shortcut, states=kept)
            )
            c_in = units[-1].c_out
        stages[f"layer{i + 1}"] = RegulatedStage(units, wide, stride, rnn)
    return stages


class Regulated(PostActivation):
    """A network of regulated stages."""

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Return patterns of the stages: the units of a stage share its cell."""
        return super().group_matcher(coarse=True)


class RegulatedCifarResNet(Regulated):
    """ResNet for small images, regulated: (B, in_chans, 32, 32) -> (B, num_classes).

    Args:
        depth: 6n + 2 layers of ResNet; the regulator and what fuses it are not counted.
        rnn: The regulator, "lstm", "gru" or "rnn"; "none" gives ResNet.
        width: Filters of the first stage.
        num_classes: Outputs.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the dropout before the classifier.
        drop_path_rate: Of the last unit; it grows linearly from 0 in the first.

    Raises:
        ValueError: The depth is not 6n + 2, or there is no such regulator.
    """

    def __init__(
        self,
        *,
        depth: int,
        rnn: str = "lstm",
        width: int = 16,
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=conv(in_chans, width, 3),
            pool=nn.Identity(),
            stages=regulated_stages(
                BasicUnit,
                depths=blocks_per_stage(depth, layers=2, extra=2, where="1512.03385, Sec. 4.2"),
                width=width,
                rnn=rnn,
                shortcut=identity,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )


class RegulatedResNet(Regulated):
    """ResNet-50, regulated: (B, in_chans, 224, 224) -> (B, num_classes).

    `depth` is 50, 101 or 152; the other arguments are those of RegulatedCifarResNet.
    """

    def __init__(
        self,
        *,
        depth: int,
        rnn: str = "lstm",
        width: int = 64,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__(
            stem=imagenet_stem(in_chans, width),
            pool=LAYOUTS["v1"].pool(),
            stages=regulated_stages(
                BottleneckUnit,
                depths=imagenet_depths(depth, (50, 101, 152), "1512.03385, Table 1"),
                width=width,
                rnn=rnn,
                shortcut=projection,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
