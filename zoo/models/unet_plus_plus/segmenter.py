"""Eq. 1 of 1807.10165: units in rows, each of which sees those before it and one of the row below.

X(i,0) = H(max-pool(X(i-1,0)))
X(i,j) = H([X(i,0), ..., X(i,j-1), U(X(i+1,j-1))])

H is two convolutions, U a transposed convolution, [] a concatenation of channels.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Place = tuple[int, int]  # i, number of times that the size was halved, and j, number in the row


def unit(c_in: int, width: int, drop_rate: float) -> nn.Sequential:
    """H of Eq. 1: (B, c_in, H, W) -> (B, width, H, W)."""
    layers = [(nn.Conv2d(c, width, 3, padding=1), nn.ReLU()) for c in (c_in, width)]
    return nn.Sequential(*(layer for pair in layers for layer in (*pair, nn.Dropout(drop_rate))))


def mean_of_probabilities(logits: Tensor) -> Tensor:
    """Return the logit of the mean probability: (heads, ...) -> (...)."""
    yes, no = (F.logsigmoid(sign * logits).logsumexp(0) for sign in (1, -1))
    return yes - no


class Segmenter(nn.Module):
    """An encoder of halved sizes, and units that join a row with the row below.

    Args:
        places: Units X(i,j) with j > 0, in the order in which they are computed.
        heads: Columns j whose X(0,j) a 1x1 convolution turns into logits.
        in_chans: Channels of the image.
        classes: Masks, each with a logit of its own.
        width: Channels of the first row; each halving doubles them.
        depth: Halvings.
        drop_rate: Dropout after each convolution.
    """

    def __init__(
        self,
        places: Iterable[Place],
        heads: Iterable[int],
        *,
        in_chans: int,
        classes: int,
        width: int,
        depth: int,
        drop_rate: float,
    ) -> None:
        if min(in_chans, classes, width, depth) < 1:
            raise ValueError("in_chans, classes, width and depth are 1 or more")
        super().__init__()
        self.in_chans, self.classes, self.depth = in_chans, classes, depth
        self.places, self.grad_checkpointing = tuple(places), False
        widths = [width * 2**i for i in range(depth + 1)]
        rows = [1] * (depth + 1)  # outputs of a row so far
        self.units, self.ups = nn.ModuleDict(), nn.ModuleDict()
        for i, c_in in enumerate((in_chans, *widths[:-1])):
            self.units[f"{i}_0"] = unit(c_in, widths[i], drop_rate)
        for i, j in self.places:
            self.ups[f"{i}_{j}"] = nn.ConvTranspose2d(widths[i + 1], widths[i], 2, stride=2)
            self.units[f"{i}_{j}"] = unit((rows[i] + 1) * widths[i], widths[i], drop_rate)
            rows[i] += 1
        self.heads = nn.ModuleDict({str(j): nn.Conv2d(width, classes, 1) for j in heads})
        self.name_beside()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"input_size": (self.in_chans, 96, 96), "classes": self.classes}

    def name_beside(self) -> None:
        """Name what is off the path down to X(depth,0) and up to the last head."""
        vars(self.units)["beside"] = [f"{i}_{j}" for i, j in self.places if i + j < self.depth]
        vars(self.heads)["beside"] = [j for j in self.heads if int(j) < self.depth]

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable

    def join(self, i: int, j: int, inputs: list[Tensor]) -> Tensor:
        """X(i,j) of what it sees, joined by channels."""
        x = torch.cat(inputs, 1)
        if self.grad_checkpointing and self.training:
            y: Tensor = checkpoint(self.units[f"{i}_{j}"], x, use_reentrant=False)
        else:
            y = self.units[f"{i}_{j}"](x)
        return y

    def forward_features(self, x: Tensor) -> dict[int, Tensor]:
        """Return X(0,j) by j: (B, in_chans, H, W) -> (B, width, H, W) each.

        H and W are padded with zeros to multiples of 2^depth, and the outputs cut to them again.
        """
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % 2**self.depth, 0, -height % 2**self.depth))
        rows = [[self.join(0, 0, [x])]]
        for i in range(1, self.depth + 1):
            rows.append([self.join(i, 0, [F.max_pool2d(rows[-1][0], 2)])])
        for i, j in self.places:
            below = self.ups[f"{i}_{j}"](rows[i + 1][-1])
            rows[i].append(self.join(i, j, [*rows[i], below]))
        columns = [0, *(j for i, j in self.places if i == 0)]
        outputs = (y[:, :, :height, :width] for y in rows[0])
        return dict(zip(columns, outputs, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits: (B, in_chans, H, W) -> (B, classes, H, W).

        Those of several heads are joined by channels in training; otherwise their probabilities
        are averaged ("accurate mode", Sec. 3.2).
        """
        features = self.forward_features(x)
        outputs = [self.heads[j](features[int(j)]) for j in self.heads]
        if self.training or len(outputs) == 1:
            return torch.cat(outputs, 1)
        return mean_of_probabilities(torch.stack(outputs))
