"""Split attention (2004.08955, Sec. 3.1): a 3x3 with attention over splits of its channels."""

from typing import ClassVar

from torch import Tensor, nn


class SplitAttention(nn.Module):
    """(B, channels, H, W) -> V, of the same shape.

        s = mean over H and W of U_1 + ... + U_R
        a = softmax over the splits of fc2(ReLU(BN(fc1(s))))         R = 1: a = sigmoid(...)
        V = a_1 U_1 + ... + a_R U_R

    Each cardinal group has its own fc1 and fc2. The 3x3 orders its channels by split, then group
    (the paper's radix-major layout); fc2 by group, then split.
    """

    beside: ClassVar[tuple[str, ...]] = ("fc1", "fc2")

    def __init__(self, channels: int, *, radix: int, cardinality: int) -> None:
        super().__init__()
        self.radix, self.cardinality = radix, cardinality
        hidden = max(channels * radix // 4, 32)
        groups = radix * cardinality
        if channels % groups or hidden % cardinality:
            raise ValueError(
                f"{radix} splits of {cardinality} groups must divide {channels} channels, and the "
                f"groups {hidden} of attention (Sec. 3.1)"
            )
        self.conv = nn.Conv2d(channels, channels * radix, 3, 1, 1, groups=groups, bias=False)
        self.bn0 = nn.BatchNorm2d(channels * radix)
        self.act = nn.ReLU(inplace=True)
        self.fc1 = nn.Conv2d(channels, hidden, 1, groups=cardinality)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.fc2 = nn.Conv2d(hidden, channels * radix, 1, groups=cardinality)

    def attention(self, s: Tensor) -> Tensor:
        """(B, channels, 1, 1) -> a, (B, R, channels, 1, 1), which sums to 1 over R > 1."""
        a = self.fc2(self.act(self.bn1(self.fc1(s))))
        a = a.unflatten(1, (self.cardinality, self.radix, -1)).transpose(1, 2)
        return (a.softmax(1) if self.radix > 1 else a.sigmoid()).flatten(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        splits = self.act(self.bn0(self.conv(x))).unflatten(1, (self.radix, -1))
        s = splits.sum(1).mean((2, 3), keepdim=True)
        return (splits * self.attention(s)).sum(1)
