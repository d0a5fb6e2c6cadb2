"""The paper's control: a residual network of the same kind, trained end to end (App. C)."""

from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class MLPResNet(nn.Module):
    """(N, columns) -> (N, outputs).

    x -> linear, BN, f -> x + [linear, BN, f, linear, BN](x), `blocks` times -> linear

    `activation` f: relu or tanh. `embed` False: the blocks begin with x itself, of `width` columns.
    """

    def __init__(
        self,
        *,
        columns: int = 30,
        outputs: int = 1,
        width: int = 128,
        blocks: int = 3,
        hidden: int = 512,
        activation: str = "relu",
        embed: bool = True,
    ) -> None:
        super().__init__()
        if min(columns, outputs, width, blocks, hidden) < 1:
            raise ValueError("columns, outputs, width, blocks and hidden are 1 or more")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is relu or tanh, not {activation!r}")
        if not embed and width != columns:
            raise ValueError(f"without embed, width is that of the {columns} columns, not {width}")
        act = ACTIVATIONS[activation]
        self.first: nn.Module = nn.Identity()
        if embed:
            self.first = nn.Sequential(nn.Linear(columns, width), nn.BatchNorm1d(width), act())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, hidden),
                nn.BatchNorm1d(hidden),
                act(),
                nn.Linear(hidden, width),
                nn.BatchNorm1d(width),
            )
            for _ in range(blocks)
        )
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        logits: Tensor = self.head(x)
        return logits
