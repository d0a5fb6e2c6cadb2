"""FLOPs of the authors' table of ImageNet (README)."""

from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.papers.records import Claim


def flops(claim: Claim) -> tuple[None, int]:
    """Return the FLOPs of a network, two for each multiply-add."""
    network = build_model(claim.model, device="meta", **claim.args)
    return None, 2 * count_complexity(network, (3, 224, 224)).macs
