"""The cost of frac-connections, by the formulas of Sec. 4.4 and as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry
from zoo.papers.records import Claim


def sizes(model: str) -> tuple[int, int, int, bool]:
    """Return (2 L, d_model, m, dynamic)."""
    args = get_entry(model).args
    frac, layers = args["frac"], args.get("layers", 16)
    return 2 * layers, args.get("width", 2048), frac["m"], frac["dynamic"]


def added_params(claim: Claim) -> tuple[int, int]:
    """Return the parameters by Eqs. 16 to 20, where |theta_norm| is d_model / m; and as built."""
    sublayers, width, m, dynamic = sizes(claim.model)
    each = m * (2 * m + 1) + (width // m * (1 + 2 * m + 1) + 2 if dynamic else 0)
    network: Any = build_model(claim.model, device="meta")
    built = sum(parameter.numel() for parameter in network.connections.parameters())
    return sublayers * each, built


def share_of_params(claim: Claim) -> tuple[float, float]:
    """Return the same in percent of the plain network."""
    network: Any = build_model(claim.than, device="meta")
    whole = sum(parameter.numel() for parameter in network.parameters())
    formula, built = added_params(claim)
    return 100 * formula / whole, 100 * built / whole


def flops_per_token(model: str) -> int:
    """Return the FLOPs of matrix products for a token of the full context."""
    network: Any = build_model(model, device="meta")
    return 2 * count_complexity(network, (network.context,)).macs // network.context


def added_flops(claim: Claim) -> tuple[int, int]:
    """Return the added FLOPs of a token, two for each multiply-add: by the formula, and as built.

    2 m of d_model to mix and, if dynamic, 2 m + 1 for the weights.
    """
    sublayers, width, m, dynamic = sizes(claim.model)
    each = 2 * m + (2 * m + 1 if dynamic else 0)
    return 2 * sublayers * width * each, flops_per_token(claim.model) - flops_per_token(claim.than)
