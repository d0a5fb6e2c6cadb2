"""What App. B says that hyper-connections cost, by its formulas, and what they cost as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry


def sizes(model: str) -> tuple[int, int, int, bool]:
    """(2 L, d_model, n, whether dynamic)."""
    args = get_entry(model).args
    hyper, layers = args["hyper"], args.get("layers", 16)
    return 2 * layers, args.get("width", 2048), hyper["n"], hyper["dynamic"]


def added_params(model: str, than: str) -> tuple[int, int]:
    """Eqs. 21 to 26, where norms have no parameters: by the formula, as built."""
    sublayers, width, n, dynamic = sizes(model)
    each = n * (n + 2) + (width * (n + 2) + 2 if dynamic else 0)
    network: Any = build_model(model, device="meta")
    built = sum(parameter.numel() for parameter in network.connections.parameters())
    return sublayers * each, built


def share_of_params(model: str, than: str) -> tuple[float, float]:
    """Those in percent of the network that has none: by the formula, as built."""
    network: Any = build_model(than, device="meta")
    whole = sum(parameter.numel() for parameter in network.parameters())
    formula, built = added_params(model, than)
    return 100 * formula / whole, 100 * built / whole


def flops(model: str, than: str) -> tuple[int, int]:
    """Of a token, two for each multiply-add: of the plain network, by its matrices alone; and as
    built, with what attention does besides at the full context."""
    network: Any = build_model(model, device="meta")
    matrices = sum(p.numel() for p in network.parameters())
    if not network.tied:
        matrices -= network.tok_embeddings.weight.numel()
    return 2 * matrices, a_token(model)


def a_token(model: str) -> int:
    """FLOPs of matrix products, of a token of the full context."""
    network: Any = build_model(model, device="meta")
    return 2 * count_complexity(network, (network.context,)).macs // network.context


def added_flops(model: str, than: str) -> tuple[int, int]:
    """Of a token, two for each multiply-add: n (n + 1) of d_model to mix, n to write, n (n + 2) for
    the dynamic weights. As built, matrix products alone: without what is written."""
    sublayers, width, n, dynamic = sizes(model)
    each = n * (n + 2) * (2 if dynamic else 1)
    return 2 * sublayers * width * each, a_token(model) - a_token(than)
