"""What Sec. 4.4 says that frac-connections cost, by its formulas, and what they cost as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry


def sizes(model: str) -> tuple[int, int, int, bool]:
    """(2 L, d_model, m, whether dynamic)."""
    args = get_entry(model).args
    frac, layers = args["frac"], args.get("layers", 16)
    return 2 * layers, args.get("width", 2048), frac["m"], frac["dynamic"]


def added_params(model: str, than: str) -> tuple[int, int]:
    """Eqs. 16 to 20, where |theta_norm| is d_model / m: by the formula, as built."""
    sublayers, width, m, dynamic = sizes(model)
    each = m * (2 * m + 1) + (width // m * (1 + 2 * m + 1) + 2 if dynamic else 0)
    network: Any = build_model(model, device="meta")
    built = sum(parameter.numel() for parameter in network.connections.parameters())
    return sublayers * each, built


def share_of_params(model: str, than: str) -> tuple[float, float]:
    """Those in percent of the network that has none: by the formula, as built."""
    network: Any = build_model(than, device="meta")
    whole = sum(parameter.numel() for parameter in network.parameters())
    formula, built = added_params(model, than)
    return 100 * formula / whole, 100 * built / whole


def a_token(model: str) -> int:
    """FLOPs of matrix products, two for each multiply-add, of a token of the full context."""
    network: Any = build_model(model, device="meta")
    return 2 * count_complexity(network, (network.context,)).macs // network.context


def added_flops(model: str, than: str) -> tuple[int, int]:
    """Of a token: 2 m of d_model to mix and, if dynamic, (2 m + 1) for the weights, two for each
    multiply-add; as built."""
    sublayers, width, m, dynamic = sizes(model)
    each = 2 * m + (2 * m + 1 if dynamic else 0)
    return 2 * sublayers * width * each, a_token(model) - a_token(than)
