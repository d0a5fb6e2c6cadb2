"""The cost of the connections, by the paper's formulas and as built.

Sec. 2.6, App. C: eta = (L + 3) / D, rho = T / D -> eta / 6 and eta / (3 + rho / 4), in percent
"""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry
from zoo.papers.records import Claim

TOKENS = 4096  # T of Table 1


def sizes(model: str) -> tuple[int, int]:
    """Return (L, D)."""
    args = get_entry(model).args
    return args["layers"], args["width"]


def extra_params(claim: Claim) -> tuple[float, float]:
    """Return the connections' parameters in percent of the plain layers': by the formula, for
    12 L D^2 in the layers, and as built."""
    layers, width = sizes(claim.model)
    network: Any = build_model(claim.model, device="meta")
    plain: Any = build_model(claim.than, device="meta")
    added, of_layers = (
        sum(parameter.numel() for parameter in part.parameters())
        for part in (network.connections, plain.layers)
    )
    return 100 * (layers + 3) / width / 6, 100 * added / of_layers


def extra_macs(claim: Claim) -> tuple[float, float]:
    """Return the added multiply-adds in percent of the plain layers': by the formula, and as built.

    At 4,096 tokens, without embeddings.
    """
    layers, width = sizes(claim.model)
    formula = (layers + 3) / width / (3 + TOKENS / width / 4)
    macs = []
    for name in (claim.model, claim.than):
        network: Any = build_model(name, device="meta", context=TOKENS)
        head = TOKENS * width * network.vocab
        macs.append(count_complexity(network, (TOKENS,)).macs - head)
    return 100 * formula, 100 * (macs[0] / macs[1] - 1)
