"""Sec. 3.4: many networks, whose median is the forecast.

x -> its last 2, 3, ..., 7 horizons -> networks -> median
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.nbeats.model import GenericNBeats, InterpretableNBeats

KINDS: dict[str, Any] = {"generic": GenericNBeats, "interpretable": InterpretableNBeats}


class NBeatsEnsemble(nn.Module):
    """The median of networks of each kind and look-back: (B, L, channels) -> (B, H, channels).

    L is the longest look-back. `members` are sorted by kind, then look-back, then copy.

    Args:
        horizon: Steps that are forecast, H.
        kinds: "generic", "interpretable" or both.
        look_backs: Steps that are seen, in horizons.
        copies: Networks of each kind and look-back: 30 in the paper, 10 for each of three losses.
        channels: Series that are forecast side by side, each by itself.
        stacks: Blocks of a generic network.
        widths: Units of a generic block, of one of trend, of one of seasonality.

    Raises:
        ValueError: A number is too small, or no kind or look-back, or another one, is named.
    """

    def __init__(
        self,
        *,
        horizon: int = 48,
        kinds: tuple[str, ...] = ("generic",),
        look_backs: tuple[int, ...] = (2, 3, 4, 5, 6, 7),
        copies: int = 1,
        channels: int = 1,
        stacks: int = 30,
        widths: tuple[int, int, int] = (512, 256, 2048),
    ) -> None:
        if not kinds or not {*kinds} <= {*KINDS} or not look_backs or copies < 1:
            raise ValueError(
                f"kinds are of {', '.join(KINDS)}, look_backs at least one and copies 1 or more, "
                f"not {kinds}, {look_backs}, {copies}"
            )
        super().__init__()
        options: dict[str, dict[str, Any]] = {
            "generic": {"stacks": stacks, "width": widths[0]},
            "interpretable": {"widths": widths[1:]},
        }
        members = [
            KINDS[kind](
                look_back=look_back * horizon, horizon=horizon, channels=channels, **options[kind]
            )
            for kind in kinds
            for look_back in look_backs
            for _ in range(copies)
        ]
        self.members = nn.ModuleList(members)
        self.look_backs = [member.sizes["input_size"][0] for member in members]
        self.sizes = {"input_size": (max(self.look_backs), channels), "horizon": horizon}

    def forward(self, x: Tensor) -> Tensor:
        forecasts = torch.stack(
            [member(x[:, -n:]) for member, n in zip(self.members, self.look_backs, strict=True)]
        )
        ordered = forecasts.sort(0).values
        return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
