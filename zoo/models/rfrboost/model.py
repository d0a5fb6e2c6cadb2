"""Random feature representation boosting (2501.18283): a residual network that no gradient trains.

    Phi_0 = x, or random features of x     Phi_(t+1) = Phi_t + eta step_t(F_t)     y = W Phi_T + b
    F_t = [tanh(A_t Phi_t + a_t), tanh(B_t x + b_t)]      (the sum of both: scalar, diagonal)

A, B are drawn; step_t and W are solved for, layer by layer (zoo.models.rfrboost.fitting). Without
layers it is a random feature network (RFNN), or on x itself ridge or logistic regression.
"""

import torch
from torch import Tensor, nn

from zoo.models.rfrboost.steps import STEPS, Affine

FEATURES = ("swim", "iid")


class RandomFeatures(nn.Linear):
    """tanh(scale * (A x + a)): (..., c_in) -> (..., c_out), drawn once (Sec. 3).

    iid: A and a as torch draws those of a linear layer, times `scale`. SWIM: from pairs of samples.
    """

    scale: Tensor

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.scale * super().forward(x))


class BoostingLayer(nn.Module):
    """eta * step(F(Phi, x)): (..., width), (..., columns) -> (..., width)."""

    rate: Tensor

    def __init__(self, columns: int, width: int, hidden: int, step: str) -> None:
        super().__init__()
        self.adds = step in ("diagonal", "scalar")  # features are as wide as Phi, and added
        hidden = width if self.adds else hidden
        self.of_phi, self.of_x = RandomFeatures(width, hidden), RandomFeatures(columns, hidden)
        self.step = STEPS[step](2 * hidden, width)
        self.register_buffer("rate", torch.ones(()))

    def features(self, phi: Tensor, x: Tensor) -> Tensor:
        f, g = self.of_phi(phi), self.of_x(x)
        return f + g if self.adds else torch.cat((f, g), -1)

    def forward(self, phi: Tensor, x: Tensor) -> Tensor:
        return self.rate * self.step(self.features(phi, x))


class RFRBoost(nn.Module):
    """The network of Sec. 3: (..., columns) -> (..., outputs), numbers or logits.

    `width` 0: Phi_0 is x. `hidden`: features of Phi and of x each; not used by scalar and diagonal.
    `batch_norm`: each Phi_t is normalized by the rows that it is computed with, in either mode.
    """

    def __init__(
        self,
        *,
        columns: int = 30,
        outputs: int = 1,
        width: int = 0,
        layers: int = 0,
        step: str = "gradient",
        features: str = "swim",
        hidden: int = 512,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if step not in STEPS or features not in FEATURES:
            raise ValueError(
                f"a step is one of {', '.join(STEPS)} and features are swim or iid (Sec. 3), not "
                f"{step!r} and {features!r}"
            )
        if min(columns, outputs, hidden) < 1 or min(width, layers) < 0:
            raise ValueError(
                "columns, outputs and hidden are 1 or more, width and layers 0 or more"
            )
        self.kind = features
        self.first = RandomFeatures(columns, width) if width else nn.Identity()
        width = width or columns
        self.layers = nn.ModuleList(
            BoostingLayer(columns, width, hidden, step) for _ in range(layers)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(width, affine=False, track_running_stats=False)
            if batch_norm
            else nn.Identity()
            for _ in range(layers)
        )
        self.head = Affine(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        phi = self.first(x)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            phi = norm(phi + layer(phi, x))
        logits: Tensor = self.head(phi)
        return logits
