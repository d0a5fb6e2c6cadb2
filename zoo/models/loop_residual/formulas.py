"""Parameters without the position embeddings, as nanoGPT counts."""

from zoo.models._builder import build_model
from zoo.papers.records import Claim


def without_positions(claim: Claim) -> tuple[None, int]:
    """Return, beside no formula, the parameters as built without those of the positions."""
    network = build_model(claim.model, device="meta")
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    return None, sum(sizes.values()) - sizes["pos_embeddings.weight"]
