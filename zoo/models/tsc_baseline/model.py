"""MLP, FCN and ResNet for time series (Wang et al., 2016, 1611.06455, Fig. 1).

MLP     x -> [drop, Linear 500, ReLU] x 3 -> drop -> Linear -> classes
FCN     x -> conv 8, 128 -> conv 5, 256 -> conv 3, 128 -> mean over steps -> Linear -> classes
ResNet  x -> block, 64 -> block, 128 -> block, 128 -> mean over steps -> Linear -> classes

BatchNorm and initial values are those of Keras, in which the authors wrote them.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from torch import Tensor, nn

KERNELS = (8, 5, 3)
norm = partial(nn.BatchNorm1d, eps=1e-3, momentum=0.01)


def conv(c_in: int, width: int, kernel: int) -> list[nn.Module]:
    """Convolution, BatchNorm, ReLU: (B, c_in, L) -> (B, width, L). An even kernel sees a step more
    after than before, as in Keras."""
    before, after = (kernel - 1) // 2, kernel // 2
    even = [nn.ZeroPad1d((before, after))] if after > before else []
    layer = nn.Conv1d(c_in, width, kernel, padding=0 if even else before)
    return [*even, layer, norm(width), nn.ReLU()]


def initialise(module: nn.Module) -> None:
    """Draw weights from Glorot's uniform distribution, and set biases to 0."""
    if isinstance(module, nn.Conv1d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)


class SeriesClassifier(nn.Module):
    """Layers, then classes: (B, 1, L) -> (B, classes)."""

    def __init__(self, layers: Iterable[nn.Module], width: int, classes: int) -> None:
        if classes < 2:
            raise ValueError(f"classes must be 2 or more, not {classes}")
        super().__init__()
        self.num_classes = classes
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(width, classes)
        self.apply(initialise)

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"classes": self.num_classes}

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.layers(x))
        return logits


class SeriesMLP(SeriesClassifier):
    """Fig. 1a: three hidden layers of 500 units, for series of one length.

    Args:
        steps: Length of the series, L.
        classes: Number of classes.
        input_dropout: Share of the steps that are dropped. The paper's is 0.1; the authors' code
            made that layer and, until 2019, did not use it.

    Raises:
        ValueError: A number is out of its range.

    Example:
        >>> SeriesMLP(steps=24, classes=3).fc
        Linear(in_features=500, out_features=3, bias=True)
    """

    def __init__(self, *, steps: int = 286, classes: int = 2, input_dropout: float = 0.1) -> None:
        if steps < 1 or not 0 <= input_dropout < 1:
            wrong = f"{steps} and {input_dropout}"
            raise ValueError(f"steps is 1 or more, input_dropout in [0, 1), not {wrong}")
        layers: list[nn.Module] = [nn.Flatten()]
        for c_in, rate in ((steps, input_dropout), (500, 0.2), (500, 0.2)):
            layers += [nn.Dropout(rate), nn.Linear(c_in, 500), nn.ReLU()]
        super().__init__([*layers, nn.Dropout(0.3)], 500, classes)
        self.steps = steps

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {**super().sizes, "input_size": (1, self.steps)}


def mean_over_steps() -> list[nn.Module]:
    """(B, C, L) -> (B, C)."""
    return [nn.AdaptiveAvgPool1d(1), nn.Flatten()]


class FCN(SeriesClassifier):
    """Fig. 1b: three convolutions, for series of any length.

    Example:
        >>> sum(p.numel() for p in FCN(classes=2).parameters())
        264962
    """

    def __init__(self, *, classes: int = 2) -> None:
        sizes = zip((1, 128, 256), (128, 256, 128), KERNELS, strict=True)
        layers = [layer for size in sizes for layer in conv(*size)]
        super().__init__([*layers, *mean_over_steps()], 128, classes)


class Block(nn.Module):
    """Fig. 1c: three convolutions beside a shortcut: (B, c_in, L) -> (B, width, L).

    x -> `before` -> conv 8 -> conv 5 -> conv 3 -> + -> ReLU
    x -> conv 1, or only BatchNorm -------------- ^
    """

    beside = ("shortcut",)

    def __init__(
        self, c_in: int, width: int, *, project: bool = True, before: Iterable[nn.Module] = ()
    ) -> None:
        super().__init__()
        widths = zip((c_in, width, width), KERNELS, strict=True)
        layers = [layer for size, kernel in widths for layer in conv(size, width, kernel)]
        self.path = nn.Sequential(*before, *layers[:-1])
        projection = [nn.Conv1d(c_in, width, 1)] if project else []
        self.shortcut = nn.Sequential(*projection, norm(width))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.path(x) + self.shortcut(x)
        return y.relu()


class SeriesResNet(SeriesClassifier):
    """Fig. 1c: three residual blocks, for series of any length.

    Args:
        classes: Number of classes.
        project: Convolve in every shortcut, as the authors' code does; if False, the shortcut of
            the third block, which keeps the width, is BatchNorm alone.

    Example:
        >>> sum(p.numel() for p in SeriesResNet(classes=2, project=False).parameters())
        504260
    """

    def __init__(self, *, classes: int = 2, project: bool = True) -> None:
        blocks = [Block(1, 64, before=[norm(1)]), Block(64, 128), Block(128, 128, project=project)]
        super().__init__([*blocks, *mean_over_steps()], 128, classes)
