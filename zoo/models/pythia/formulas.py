"""Non-embedding parameters, as the paper counts (Table 1)."""

from zoo.models._builder import build_model
from zoo.papers.records import Claim


def non_embedding(claim: Claim) -> tuple[None, int]:
    """Return, beside no formula, the parameters as built without those of both embeddings."""
    network = build_model(claim.model, device="meta")
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    return None, sum(sizes.values()) - sizes["tok_embeddings.weight"] - sizes["output.weight"]
