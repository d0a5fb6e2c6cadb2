"""Parameters that LAuReL adds, by Table 4 of 2411.07501, and as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.models.laurel.residual import PARTS, K
from zoo.modules.stages import DEPTHS
from zoo.papers.records import Claim


def parameters(model: str, **args: Any) -> int:
    """Return the number of parameters of a network."""
    network = build_model(model, device="meta", **args)
    return sum(parameter.numel() for parameter in network.parameters())


def extra_params(claim: Claim) -> tuple[float, float]:
    """Return the added parameters in percent of a ResNet's: by Table 4, and as built.

    The first blocks of a stage have fewer blocks before them. Without LAuReL's parts, what is added
    is one more block in the third stage.
    """
    args: Any = get_entry(claim.model).args
    plain, built = parameters(claim.than), parameters(claim.model)
    scalars, low_rank, previous = PARTS[args["parts"]]
    formula = 0
    for depth, width in zip(DEPTHS[50], (256, 512, 1024, 2048), strict=True):
        terms = sum(min(i + 1, K) if previous else 1 for i in range(depth))
        formula += 2 * scalars * depth + previous * terms + 32 * low_rank * width * terms
    if not args["parts"]:
        formula = 17 * 256**2 + 2 * 2 * 256 + 2 * 1024  # 1x1, 3x3, 1x1, and their BatchNorms
    return 100 * formula / plain, 100 * (built / plain - 1)


def illustration(claim: Claim) -> tuple[int, int]:
    """Return 2N(4D + 1) of Sec. 3.2.1 for N layers of width D at rank 4; and as built."""
    layers, width = (claim.than_args[name] for name in ("layers", "width"))
    built = parameters(claim.model, **claim.args) - parameters(claim.than, **claim.than_args)
    return 2 * layers * (4 * width + 1), built
