"""Residual reservoir memory networks (Pinna, Ceni and Gallicchio, IJCNN 2025, 2508.09925).

x ----------------------> residual reservoir -> last state -> readout -> classes
 \\-> linear memory (ring) --^
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zoo.modules.reservoir import SKIPS, LinearMemory, Readout, Reservoir, ReservoirScales


class ResRMN(nn.Module):
    """A linear memory beside the input of a reservoir with a temporal residual connection.

        m_t = m_(t-1) C + x_t V_m
        h_t = alpha h_(t-1) O + beta tanh(h_(t-1) W + m_t U + x_t V + b)
        (B, channels, steps) -> (B, classes), from the last h

    All but the readout is drawn, and kept in buffers.

    Args:
        channels: Series that come in.
        classes: Number of classes.
        units: Of the residual reservoir.
        memory_units: Of the linear memory; with one for each step it forgets nothing.
        skip: O: random (orthogonal), cycle or identity.
        scales: By the names of ReservoirScales; besides, largest entries of U (memory_scaling)
            and of V_m (memory_in_scaling).

    Raises:
        ValueError: A number is too small, or there is no such skip.

    Example:
        >>> ResRMN(classes=3)(torch.zeros(2, 1, 40)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        classes: int = 37,
        units: int = 100,
        memory_units: int = 176,
        skip: str = "random",
        scales: Mapping[str, float] | None = None,
    ) -> None:
        if min(channels, units, memory_units) < 1 or classes < 2:
            raise ValueError(
                "channels, units and memory_units are 1 or more, classes 2 or more, not "
                f"{channels}, {units}, {memory_units} and {classes}"
            )
        if skip not in SKIPS:
            raise ValueError(f"a skip is one of {', '.join(SKIPS)}, not {skip!r}")
        super().__init__()
        self.num_classes = classes
        rest = {
            "in_scaling": 1.0,
            "memory_scaling": 1.0,
            "memory_in_scaling": 1.0,
            **(scales or {}),
        }
        in_scaling = (rest.pop("in_scaling"),) * channels
        in_scaling += (rest.pop("memory_scaling"),) * memory_units
        self.memory = LinearMemory(channels, memory_units, rest.pop("memory_in_scaling"))
        self.reservoir = Reservoir(
            channels + memory_units,
            units,
            SKIPS[skip](units),
            ReservoirScales(in_scaling=in_scaling, **rest),
        )
        self.readout = Readout(units, classes)

    @property
    def sizes(self) -> dict[str, int]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"classes": self.num_classes}

    def states(self, x: Tensor) -> Tensor:
        """Return the last state: (B, channels, steps) -> (B, units)."""
        m = x.new_zeros(x.shape[0], self.memory.units)
        h = x.new_zeros(x.shape[0], self.reservoir.units)
        for now in x.unbind(2):
            m = self.memory.step(m, now)
            h = self.reservoir.step(h, torch.cat((now, m), 1))
        return h

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.readout(self.states(x))
        return logits
