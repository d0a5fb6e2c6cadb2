"""Networks that know how far an image is from another class (2301.12549; 2102.08452, GloRo).

|f_i(x) - f_j(x) - f_i(x') + f_j(x')| <= K |w_i - w_j| |x - x'|,   K of all layers but the last

so that the class i of x is that of all x' within min_j (f_i(x) - f_j(x)) / (K |w_i - w_j|).
"""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.models.liresnet.layers import MinMax, UnitRows, largest_singular_value, power_iteration
from zoo.modules.classifier import Classifier, Head

STEPS = 10  # of the power iteration, in each update of the weights
RADII = {"vra": 36, "vra_72": 72, "vra_108": 108, "vra_255": 255}  # in 255ths: of each metric


class Bounded(NamedTuple):
    """Logits, and how fast their differences can change."""

    logits: Tensor  # (B, num_classes)
    slopes: Tensor  # (num_classes, num_classes): K |w_i - w_j|


def certified_radius(bounded: Bounded) -> Tensor:
    """Return the L2 distance within which the class of each image stays: (B,).

    In units of the pixels that the network is given; for its own preprocessing, of 0..1.

    Example:
        >>> slopes = torch.tensor([[0.0, 2.0], [2.0, 0.0]])
        >>> certified_radius(Bounded(torch.tensor([[3.0, 1.0]]), slopes))
        tensor([1.])
    """
    best, classes = bounded.logits.max(1)
    ahead = best[:, None] - bounded.logits
    radii = torch.where(ahead > 0, ahead / bounded.slopes[classes], 0.0)
    return radii.scatter(1, classes[:, None], torch.inf).amin(1)


class Certified(Classifier):
    """A classifier of layers with known Lipschitz constants, for images of one size.

    Args:
        stem: conv1, and what follows it.
        blocks: By name, each a `layer` and MinMax.
        neck: Features (B, C, H, W) -> (B, n, 1, 1), its layers in order.
        bounded: Return logits and slopes in training, for `EmmaLoss`.
        head: Pooling (of one place), dropout and classes.
    """

    def __init__(
        self,
        *,
        stem: Mapping[str, nn.Module],
        blocks: Mapping[str, nn.Module],
        neck: nn.Sequential,
        bounded: bool,
        head: Head,
    ) -> None:
        super().__init__(
            stem=stem,
            pool=nn.Identity(),
            stages=blocks,
            tail={"neck": neck},
            head=head,
            features=list(blocks),
        )
        self.bounded = bounded
        self.settled: tuple[tuple[float, ...], Tensor] | None = None  # fingerprint, K

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        super().reset_classifier(num_classes, global_pool)
        last: Any = self.get_submodule(self.last)
        if isinstance(last, nn.Linear):
            rows = UnitRows(last.in_features, num_classes, device=last.weight.device)
            self._place(self.last, rows.to(last.weight.dtype))

    def layers(self) -> list[Any]:
        """Return all layers but the last one and MinMax, whose constant is 1."""
        blocks = [self.get_submodule(f"{name}.layer") for name in self.stage_names]
        layers = [self.get_submodule("conv1"), *blocks, *self.get_submodule("neck").children()]
        return [layer for layer in layers if not isinstance(layer, MinMax)]

    def lipschitz(self, steps: int = STEPS) -> Tensor:
        """Return K, the bound of all layers but the last, after `steps` of power iteration."""
        norm = partial(power_iteration, steps=steps)
        return torch.stack([layer.lipschitz(norm) for layer in self.layers()]).prod()

    def slopes(self, bound: Tensor) -> Tensor:
        """K |w_i - w_j|: (num_classes, num_classes)."""
        last: Any = self.get_submodule(self.last)
        slopes: Tensor = bound * last.distances()
        return slopes

    @torch.no_grad()
    def settled_bound(self) -> Tensor:
        """Return K to the last digits, computed anew only if the weights have changed."""
        device = next(self.parameters()).device
        precise = torch.device("cpu") if device.type == "mps" else device  # MPS has no float64
        weights = [parameter.to(precise).double() for parameter in self.parameters()]
        sums = [torch.stack([w.sum(), w.square().sum()]) for w in weights]
        fingerprint = tuple(torch.cat(sums).tolist())
        if self.settled is None or self.settled[0] != fingerprint:
            exact = [deepcopy(layer).to(precise).double() for layer in self.layers()]
            norms = [layer.lipschitz(largest_singular_value) for layer in exact]
            self.settled = fingerprint, torch.stack(norms).prod()
        return self.settled[1]

    def certify(self, x: Tensor) -> Bounded:
        """Return logits of images, in eval mode, and the settled slopes of their differences."""
        logits = self.forward_head(self.forward_features(x))
        return Bounded(logits, self.slopes(self.settled_bound()))

    def forward_scored(self, x: Tensor, labels: list[int]) -> tuple[Tensor, dict[str, Tensor]]:
        """Images -> logits, and for each image 100 if it is verified: right within a radius.

        The means are verified-robust accuracies (VRA): of 36/255, or of 72, 108 and 255.
        """
        bounded = self.certify(x)
        radius = certified_radius(bounded)
        right = bounded.logits.argmax(1) == torch.tensor(labels, device=x.device)
        scores = {name: 100.0 * (right & (radius >= n / 255)) for name, n in RADII.items()}
        return bounded.logits, scores

    def forward(self, x: Tensor) -> Any:
        """Images -> logits; in training with `bounded`, logits and slopes."""
        logits = super().forward(x)
        if self.bounded and self.training:
            return Bounded(logits, self.slopes(self.lipschitz()))
        return logits

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Nothing more than the layers do."""
