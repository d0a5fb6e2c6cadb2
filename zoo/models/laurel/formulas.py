"""Parameters that LAuReL adds, by Table 4 of 2411.07501, and as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.models.laurel.language import LaurelStream
from zoo.models.laurel.residual import PARTS, K
from zoo.modules.stages import DEPTHS


def parameters(model: str) -> int:
    """Return the number of parameters of a network."""
    network: Any = build_model(model, device="meta")
    return sum(parameter.numel() for parameter in network.parameters())


def extra_params(model: str, than: str) -> tuple[float, float]:
    """Return the added parameters in percent of a ResNet's: by Table 4, and as built.

    The first blocks of a stage have fewer blocks before them. Without LAuReL's parts, what is added
    is one more block in the third stage.
    """
    args: Any = get_entry(model).args
    plain, built = parameters(than), parameters(model)
    scalars, low_rank, previous = PARTS[args["parts"]]
    formula = 0
    for depth, width in zip(DEPTHS[50], (256, 512, 1024, 2048), strict=True):
        terms = sum(min(i + 1, K) if previous else 1 for i in range(depth))
        formula += 2 * scalars * depth + previous * terms + 32 * low_rank * width * terms
    if not args["parts"]:
        formula = 17 * 256**2 + 2 * 2 * 256 + 2 * 1024  # 1x1, 3x3, 1x1, and their BatchNorms
    return 100 * formula / plain, 100 * (built / plain - 1)


def illustration(model: str, than: str) -> tuple[int, int]:
    """Return 2N(4D + 1) of Sec. 3.2.1 for 20 layers of 1,000 at rank 4; and as built."""
    stream = LaurelStream(20, 1000, parts="rw+lr", rank=4, normalisation="softmax")
    return 2 * 20 * (4 * 1000 + 1), sum(parameter.numel() for parameter in stream.parameters())
