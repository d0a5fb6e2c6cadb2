"""Parameters of a network for several domains, as a multiple of those for one."""

from zoo.models._builder import build_model
from zoo.papers.records import Claim


def times(claim: Claim) -> tuple[None, float]:
    """Return no formula's value, and the quotient as built."""
    networks = [build_model(name, device="meta") for name in (claim.model, claim.than)]
    several, one = (sum(p.numel() for p in network.parameters()) for network in networks)
    return None, several / one
