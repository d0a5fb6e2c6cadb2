"""Non-embedding parameters, as the paper counts (Table 1)."""

from zoo.models._builder import build_model


def non_embedding(model: str, than: str) -> tuple[int, int]:
    """Return the parameters without those of both embeddings, and all parameters."""
    network = build_model(model, device="meta")
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    embeddings = sizes["tok_embeddings.weight"] + sizes["output.weight"]
    return sum(sizes.values()) - embeddings, sum(sizes.values())
