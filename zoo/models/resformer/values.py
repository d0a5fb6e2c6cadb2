"""The values of an attention: V'_n = l_{n,1} V_1 + l_{n,2} V_n, or V_1 alone.

V_1 = H_0 W^V_1 ----+-------> every later layer's values, before its own attention weighs them
H_{n-1} W^V_n ------(+)----> V'_n -> softmax(Q_n K_n') V'_n
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.modules.connections import ResidualStream, Sublayer

Stream = tuple[Tensor, tuple[Tensor, ...]]  # hidden states, and the values of earlier layers


class Weights(nn.Module):
    """l_{n,i} of the layers from `since` to L."""

    dense = False

    def of(self, place: int) -> Sequence[Tensor | float]:
        """Return (l_{n,1}, l_{n,2}), or l_{n,1} to l_{n,n} if `dense`, for n = since + place."""
        raise NotImplementedError


class Fixed(Weights):
    """Identity-, Constant- and Sparse-ResFormer: equal weights in all layers, no parameters."""

    def __init__(self, layers: int, since: int, *, first: float = 0.5, own: float = 0.5) -> None:
        super().__init__()
        self.first, self.own = first, own

    def of(self, place: int) -> tuple[float, float]:
        return self.first, self.own


class Learnable(Weights):
    """Learnable-ResFormer: two weights for each layer, initially `first` and `own`."""

    def __init__(self, layers: int, since: int, *, first: float = 0.5, own: float = 0.5) -> None:
        super().__init__()
        count = layers - since + 1
        self.first = nn.Parameter(torch.full((count,), first))
        self.own = nn.Parameter(torch.full((count,), own))

    def of(self, place: int) -> tuple[Tensor, Tensor]:
        return self.first[place], self.own[place]


class LearnablePlus(Weights):
    """Learnable-ResFormer-Plus: l_{n,1} = scale softmax(l')_n over the layers, l_{n,2} learnt too.

    Initially the scale, one for all layers, is their number, l_{n,2} is 0.5, and l' is the layer.
    """

    def __init__(self, layers: int, since: int) -> None:
        super().__init__()
        count = layers - since + 1
        self.logits = nn.Parameter(torch.arange(since, layers + 1, dtype=torch.float32))
        self.scale = nn.Parameter(torch.full((1,), float(layers)))
        self.own = nn.Parameter(torch.full((count,), 0.5))

    def of(self, place: int) -> tuple[Tensor, Tensor]:
        return (self.scale * self.logits.softmax(0))[place], self.own[place]


class Dense(Weights):
    """Dense-ResFormer: V'_n = sum over i <= n of l_{n,i} V_i, learnt, and their mean at first."""

    dense = True

    def __init__(self, layers: int, since: int) -> None:
        super().__init__()
        rows = [torch.full((n,), 1 / n) for n in range(since, layers + 1)]
        self.rows = nn.ParameterList(nn.Parameter(row) for row in rows)

    def of(self, place: int) -> tuple[Tensor, ...]:
        return self.rows[place].unbind()


FORMS: dict[str, Callable[..., Weights]] = {
    "fixed": Fixed,
    "learnable": Learnable,
    "learnable_plus": LearnablePlus,
    "dense": Dense,
}


@dataclass(frozen=True, kw_only=True)
class Values:
    """A form of the value residual, by default Identity-ResFormer."""

    form: str = "fixed"
    since: int = 2  # layer from which on it applies; the first is 1
    first: float = 0.5  # l_{n,1}, fixed or initial
    own: float = 0.5  # l_{n,2}, fixed or initial

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> "Values":
        """Check a mapping. Raises ValueError for a key or a form that the paper lacks."""
        names = [field.name for field in fields(cls)]
        for key in options:
            if key not in names:
                raise ValueError(f"values are {', '.join(names)}, not {key!r}")
        values = cls(**options)
        if values.form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {values.form!r}")
        if values.form in ("learnable_plus", "dense") and {"first", "own"} & set(options):
            raise ValueError(f"first and own are fixed or learnable, not {values.form}")
        return values

    def connections(self) -> "partial[ValueResidual]":
        """Return the connections of this form."""
        weights = FORMS[self.form]
        if self.form in ("fixed", "learnable"):
            weights = partial(weights, first=self.first, own=self.own)
        return partial(ValueResidual, since=self.since, weights=weights)


class ValueResidual(ResidualStream):
    """The value residual of layers `since` to L; `weights(layers, since)` makes l_{n,i}."""

    def __init__(
        self, layers: int, width: int, *, since: int, weights: Callable[[int, int], Weights]
    ) -> None:
        super().__init__(layers, width)
        if not 2 <= since <= layers:
            raise ValueError(f"since must be a layer from 2 to {layers} (V_1 is layer 1's)")
        self.since, self.weights = since, weights(layers, since)

    def expand(self, x: Tensor) -> Stream:
        return x, ()

    def read(self, sublayer: Sublayer, stream: Stream) -> tuple[Tensor, Any]:
        return stream[0], stream[0]

    def mix_values(self, sublayer: Sublayer, stream: Stream, v: Tensor) -> tuple[Tensor, Stream]:
        x, earlier = stream
        place = sublayer.layer + 1 - self.since
        history = (*earlier, v) if self.weights.dense or not earlier else earlier
        if place < 0:
            return v, (x, history)
        *weights, own = self.weights.of(place)
        mixed = own * v
        for weight, value in zip(weights, earlier, strict=True):
            mixed = mixed + weight * value
        return mixed, (x, history)

    def write(self, sublayer: Sublayer, stream: Stream, residual: Tensor, out: Tensor) -> Stream:
        return residual + out, stream[1]

    def collapse(self, stream: Stream) -> Tensor:
        return stream[0]


class SharedValues(ResidualStream):
    """SVFormer: U_n = A_n V_1. All layers attend to the first layer's values and project none."""

    def value_layer(self, layer: int) -> int:
        return 0

    def expand(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return x, None

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        return stream[0], stream[0]

    def mix_values(self, sublayer: Sublayer, stream: Any, v: Tensor) -> tuple[Tensor, Any]:
        return v, (stream[0], v)

    def shared_values(self, sublayer: Sublayer, stream: Any) -> Tensor:
        return cast(Tensor, stream[1])

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Any:
        return residual + out, stream[1]

    def collapse(self, stream: Any) -> Tensor:
        return cast(Tensor, stream[0])
