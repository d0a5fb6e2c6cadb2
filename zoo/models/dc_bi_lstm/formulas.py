"""Weights of the Bi-LSTMs as the authors' code counts them: without biases, words and classes."""

from typing import Any

from zoo.models._builder import build_model
from zoo.papers.records import Claim


def weights(claim: Claim) -> tuple[float, float]:
    """Return the weights by print_model_info of the authors' code, and those of the network."""
    network: Any = build_model(claim.model, device="meta", **claim.args)
    layers = [layer.ahead for layer in network.layers]
    c_in, printed = layers[0].input_size, 0
    for layer in layers:
        printed += 8 * layer.hidden_size * (c_in + layer.hidden_size)
        c_in += 2 * layer.hidden_size
    apart = {network.embedding.weight, network.head.weight}
    built = (p.numel() for p in network.parameters() if p.dim() > 1 and p not in apart)
    return printed, sum(built)
