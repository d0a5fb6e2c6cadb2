"""The cost of hyper-connections, by the formulas of App. B and as built."""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry
from zoo.papers.records import Claim


def sizes(model: str) -> tuple[int, int, int, bool]:
    """Return (2 L, d_model, n, dynamic)."""
    args = get_entry(model).args
    hyper, layers = args["hyper"], args.get("layers", 16)
    return 2 * layers, args.get("width", 2048), hyper["n"], hyper["dynamic"]


def added_params(claim: Claim) -> tuple[int, int]:
    """Return the parameters by Eqs. 21 to 26, where norms have none; and as built."""
    sublayers, width, n, dynamic = sizes(claim.model)
    each = n * (n + 2) + (width * (n + 2) + 2 if dynamic else 0)
    network: Any = build_model(claim.model, device="meta")
    built = sum(parameter.numel() for parameter in network.connections.parameters())
    return sublayers * each, built


def share_of_params(claim: Claim) -> tuple[float, float]:
    """Return the same in percent of the plain network."""
    network: Any = build_model(claim.than, device="meta")
    whole = sum(parameter.numel() for parameter in network.parameters())
    formula, built = added_params(claim)
    return 100 * formula / whole, 100 * built / whole


def flops(claim: Claim) -> tuple[int, int]:
    """Return the FLOPs of a token: by the matrices alone, two for each multiply-add; and as built.

    The latter include attention over the full context.
    """
    network: Any = build_model(claim.model, device="meta")
    matrices = sum(p.numel() for p in network.parameters())
    if not network.tied:
        matrices -= network.tok_embeddings.weight.numel()
    return 2 * matrices, flops_per_token(claim.model)


def flops_per_token(model: str) -> int:
    """Return the FLOPs of matrix products for a token of the full context."""
    network: Any = build_model(model, device="meta")
    return 2 * count_complexity(network, (network.context,)).macs // network.context


def added_flops(claim: Claim) -> tuple[int, int]:
    """Return the added FLOPs of a token, two for each multiply-add: by the formula, and as built.

    n (n + 1) of d_model to mix, n to write, n (n + 2) for dynamic weights. As built, only matrix
    products count, not the writing.
    """
    sublayers, width, n, dynamic = sizes(claim.model)
    each = n * (n + 2) * (2 if dynamic else 1)
    return 2 * sublayers * width * each, flops_per_token(claim.model) - flops_per_token(claim.than)
