"""The cost of the connections, by the paper's formulas and as built.

Sec. 2.6, App. C: eta = (L + 3) / D, rho = T / D -> eta / 6 and eta / (3 + rho / 4), in percent
"""

from typing import Any

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry

TOKENS = 4096  # T of Table 1


def sizes(model: str) -> tuple[int, int]:
    """Return (L, D)."""
    args = get_entry(model).args
    return args["layers"], args["width"]


def extra_params(model: str, than: str) -> tuple[float, float]:
    """Return the connections' parameters in percent of 12 L D^2: by the formula, and as built."""
    layers, width = sizes(model)
    network: Any = build_model(model, device="meta")
    built = sum(parameter.numel() for parameter in network.connections.parameters())
    return 100 * (layers + 3) / width / 6, 100 * built / (12 * layers * width**2)


def extra_macs(model: str, than: str) -> tuple[float, float]:
    """Return the added multiply-adds in percent of the plain layers': by the formula, and as built.

    At 4,096 tokens, without embeddings.
    """
    layers, width = sizes(model)
    formula = (layers + 3) / width / (3 + TOKENS / width / 4)
    macs = []
    for name in (model, than):
        network: Any = build_model(name, device="meta", context=TOKENS)
        head = TOKENS * width * network.vocab
        macs.append(count_complexity(network, (TOKENS,)).macs - head)
    return 100 * formula, 100 * (macs[0] / macs[1] - 1)
