"""Deep residual echo state networks (Pinna, Ceni and Gallicchio, 2508.21172).

x -> reservoir 1 -> reservoir 2 -> ... -> reservoir L -> readout of the last one, or of all -> y
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zoo.modules.reservoir import SKIPS, Readout, Reservoir, ReservoirScales


class DeepResESN(nn.Module):
    """Reservoirs with temporal residual connections, each fed by the states of the one before.

        (B, T, inputs) -> (B, T, outputs)

    Leaky echo state networks are those with the identity and alpha + beta = 1: deep ones with
    several layers, shallow ones with one. All but the readout is drawn, and kept in buffers.

    Args:
        inputs: Series that come in.
        outputs: Series that go out.
        units: Of each reservoir; of all together if they are concatenated.
        layers: Reservoirs.
        skip: O of the residual connections: random (orthogonal), cycle or identity.
        first: Scales of the first reservoir, by the names of ReservoirScales.
        inner: Scales of the others; as the first one's if there are none.
        concatenate: Read out all reservoirs, not the last alone. The units are divided among
            them; what is left over goes to the first.

    Raises:
        ValueError: A number is too small, or there is no such skip.

    Example:
        >>> DeepResESN(layers=3, skip="cycle")(torch.zeros(2, 40, 1)).shape
        torch.Size([2, 40, 1])
    """

    def __init__(
        self,
        *,
        inputs: int = 1,
        outputs: int = 1,
        units: int = 100,
        layers: int = 2,
        skip: str = "random",
        first: Mapping[str, float] | None = None,
        inner: Mapping[str, float] | None = None,
        concatenate: bool = False,
    ) -> None:
        if min(inputs, outputs, layers) < 1 or units < (layers if concatenate else 1):
            raise ValueError(
                "inputs, outputs, layers and units are 1 or more, and concatenated layers have a "
                f"unit each, not {inputs}, {outputs}, {layers} and {units}"
            )
        if skip not in SKIPS:
            raise ValueError(f"a skip is one of {', '.join(SKIPS)}, not {skip!r}")
        super().__init__()
        self.inputs, self.concatenate = inputs, concatenate
        each, left = divmod(units, layers) if concatenate else (units, 0)
        widths = [each + left] + [each] * (layers - 1)
        scales = [first or {}] + [inner or first or {}] * (layers - 1)
        self.layers = nn.ModuleList(
            Reservoir(c_in, width, SKIPS[skip](width), ReservoirScales(**scale))
            for c_in, width, scale in zip([inputs, *widths], widths, scales, strict=False)
        )
        self.readout = Readout(units, outputs)

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"input_size": (1, self.inputs)}

    def states(self, x: Tensor) -> Tensor:
        """Return the states that are read out: (B, T, inputs) -> (B, T, units)."""
        states = []
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        return torch.cat(states, -1) if self.concatenate else x

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.readout(self.states(x))
        return outputs
