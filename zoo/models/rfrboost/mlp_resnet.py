"""The paper's control: a residual network of the same kind, trained end to end (App. C)."""

from torch import Tensor, nn


class MLPResNet(nn.Module):
    """(N, columns) -> (N, outputs).

    x -> linear, BN, ReLU -> x + [linear, BN, ReLU, linear, BN](x), `blocks` times -> linear
    """

    def __init__(
        self,
        *,
        columns: int = 30,
        outputs: int = 1,
        width: int = 128,
        blocks: int = 3,
        hidden: int = 512,
    ) -> None:
        super().__init__()
        if min(columns, outputs, width, blocks, hidden) < 1:
            raise ValueError("columns, outputs, width, blocks and hidden are 1 or more")
        self.first = nn.Sequential(nn.Linear(columns, width), nn.BatchNorm1d(width), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, hidden),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
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
