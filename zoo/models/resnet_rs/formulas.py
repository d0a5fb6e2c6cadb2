"""FLOPs as the paper counts them."""

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.papers.records import Claim


def flops(claim: Claim) -> tuple[None, int]:
    """Return the FLOPs of a network, two for each multiply-add, at the claim's size."""
    network = build_model(claim.model, device="meta")
    return None, 2 * count_complexity(network, (3, claim.input_size, claim.input_size)).macs
