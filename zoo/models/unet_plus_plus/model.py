"""UNet++ (Zhou et al., 2018, 1807.10165, Fig. 1) and the U-Nets that it is compared with.

X00 -> X01 -> X02 -> X03 -> X04     UNet++: each unit sees all units before it in its row, and the
   X10 -> X11 -> X12 -> X13         one below on its left, twice as large
      X20 -> X21 -> X22
         X30 -> X31                 U-Net: X(i,0) and the last unit of each row alone
            X40
"""

import copy

from torch import nn

from zoo.models.unet_plus_plus.segmenter import Segmenter


class UNet(Segmenter):
    """The U-Net of Table 2: padded convolutions, half as wide as in 1505.04597.

    Args:
        in_chans: Channels of the image.
        classes: Masks, each with a logit of its own.
        width: Channels of the first row; each halving doubles them.
        depth: Halvings.
        drop_rate: Dropout after each convolution, 0.5 in the authors' code.

    Raises:
        ValueError: A size is less than 1.

    Example:
        >>> sum(p.numel() for p in UNet().parameters())
        7759521
    """

    def __init__(
        self,
        *,
        in_chans: int = 1,
        classes: int = 1,
        width: int = 32,
        depth: int = 4,
        drop_rate: float = 0.5,
    ) -> None:
        super().__init__(
            [(depth - j, j) for j in range(1, depth + 1)],
            [depth],
            in_chans=in_chans,
            classes=classes,
            width=width,
            depth=depth,
            drop_rate=drop_rate,
        )


class UNetPlusPlus(Segmenter):
    """UNet++ L^depth, with a head at X(0,depth), or at all of X(0,1) to X(0,depth).

    Args:
        in_chans: Channels of the image.
        classes: Masks, each with a logit of its own.
        width: Channels of the first row; each halving doubles them.
        depth: Halvings: 4 of UNet++, less of one that was pruned.
        deep_supervision: Train a head on each X(0,j), j > 0, and average their masks.
        drop_rate: Dropout after each convolution, 0.5 in the authors' code.

    Raises:
        ValueError: A size is less than 1.

    Example:
        >>> sum(p.numel() for p in UNetPlusPlus().parameters())
        9041601
    """

    def __init__(
        self,
        *,
        in_chans: int = 1,
        classes: int = 1,
        width: int = 32,
        depth: int = 4,
        deep_supervision: bool = False,
        drop_rate: float = 0.5,
    ) -> None:
        super().__init__(
            [(i, j) for j in range(1, depth + 1) for i in range(depth - j + 1)],
            range(1, depth + 1) if deep_supervision else [depth],
            in_chans=in_chans,
            classes=classes,
            width=width,
            depth=depth,
            drop_rate=drop_rate,
        )

    def prune(self, depth: int) -> "UNetPlusPlus":
        """Return L^depth: a copy of the units that X(0,depth) needs, with its head ("fast mode").

        Args:
            depth: Halvings that are left, from 1 on.

        Raises:
            ValueError: There is no head at X(0,depth).

        Example:
            >>> whole = UNetPlusPlus(width=4, deep_supervision=True)
            >>> sum(p.numel() for p in whole.prune(1).parameters())
            1645
        """
        if str(depth) not in self.heads:
            known = ", ".join(self.heads)
            raise ValueError(f"there are heads at depth {known}, not {depth} (Sec. 3.2)")
        pruned = copy.deepcopy(self)
        pruned.depth = depth
        pruned.places = tuple(place for place in self.places if sum(place) <= depth)
        names = {f"{i}_{j}" for i in range(depth + 1) for j in range(depth - i + 1)}
        for part, kept in (
            (pruned.units, names),
            (pruned.ups, names),
            (pruned.heads, {str(depth)}),
        ):
            keep(part, kept)
        pruned.name_beside()
        return pruned


def keep(part: nn.ModuleDict, names: set[str]) -> None:
    """Remove modules of other names."""
    for name in set(part) - names:
        del part[name]
