"""The fractal of 1605.07648: C columns of 1, 2, 4, ... convolutions, with joins where they meet.

f_1 = conv    f_{C+1}(z) = [f_C o f_C](z) (+) conv(z)

   z ---+------------------- conv -------------------+
        +--------- conv --------+---- conv ----------+
        +-- conv -+- conv ------+---- conv -+- conv -+--> mean    C = 3

Consecutive joins are merged into one, so that all columns have equal weight (Fig. 1).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Join = Callable[[list[Tensor]], Tensor]
LOCAL = -1  # no global column: every join drops paths by itself


class Layer(nn.Sequential):
    """3x3, dropout, BatchNorm, ReLU: (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.bn = nn.BatchNorm2d(c_out)
        self.act = nn.ReLU(inplace=True)


class Fractal(nn.Module):
    """f_C: (B, c_in, H, W) -> outputs of the `columns`, (B, c_out, H, W) each, the deepest first.

    With `level`, only the column parallel to [f_{level - 1} o f_{level - 1}] is built, under the
    same keys.
    """

    def __init__(self, columns: int, c_in: int, c_out: int, dropout: float, level: int) -> None:
        super().__init__()
        deeper = columns > 1 and level != columns
        self.first = Fractal(columns - 1, c_in, c_out, dropout, level) if deeper else None
        self.second = Fractal(columns - 1, c_out, c_out, dropout, level) if deeper else None
        self.conv = Layer(c_in, c_out, dropout) if level in (0, columns) else None
        self.beside = ("conv",) if deeper else ()  # the main path

    def forward(self, z: Tensor, join: Join) -> list[Tensor]:
        outputs: list[Tensor] = []
        if self.first is not None and self.second is not None:
            outputs = self.second(join(self.first(z, join)), join)
        return outputs if self.conv is None else [*outputs, self.conv(z)]


class Route(nn.Module):
    """Drop-path of a training step (Sec. 3).

    Half of the mini-batches see one of `columns` alone, the same in all blocks (global). In the
    other half, each join drops each of its inputs at `rate`, but never all (local).
    """

    column: Tensor

    def __init__(self, columns: int, rate: float) -> None:
        super().__init__()
        self.columns, self.rate = columns, rate
        self.register_buffer("column", torch.tensor(LOCAL), persistent=False)

    def draw(self) -> None:
        """Draw a column, counted from the deepest, or LOCAL, for the next mini-batch."""
        device = self.column.device
        column = torch.randint(self.columns, (), device=device)
        self.column.copy_(torch.where(torch.rand((), device=device) < 0.5, column, LOCAL))

    def alive(self, paths: int) -> Tensor:
        """Return a mask over the inputs of a join, (paths,), True for at least one."""
        device = self.column.device
        index = torch.arange(paths, device=device)
        local = torch.rand(paths, device=device) >= self.rate
        spared = index == torch.randint(paths, (), device=device)
        chosen = index == self.column
        return torch.where(chosen.any(), chosen, torch.where(local.any(), local, spared))


class Block(nn.Module):
    """f_C, after 2x2 max pooling if it `pools`: (B, c_in, H, W) -> (B, c_out, h, w).

    `widen` comes between the two, such as a 1x1 to c_out channels.
    """

    def __init__(
        self,
        fractal: Fractal,
        route: Route,
        *,
        c_out: int,
        pools: bool,
        widen: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.c_out, self.stride = c_out, 2 if pools else 1
        self.pool = nn.MaxPool2d(2) if pools else nn.Identity()
        self.widen = widen or nn.Identity()
        self.fractal, self.route = fractal, route

    def join(self, paths: list[Tensor]) -> Tensor:
        """Return the mean of all paths, or of those alive in this step."""
        if len(paths) == 1:
            return paths[0]
        stacked = torch.stack(paths)
        if not (self.training and self.route.rate):
            return stacked.mean(0)
        alive = self.route.alive(len(paths)).to(stacked.dtype)
        return (stacked * (alive / alive.sum()).view(-1, 1, 1, 1, 1)).sum(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.fractal(self.widen(self.pool(x)), self.join))
