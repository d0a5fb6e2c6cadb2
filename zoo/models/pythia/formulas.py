"""How the paper counts: without the two matrices of embeddings (Table 1)."""

from zoo.models._builder import build_model


def non_embedding(model: str, than: str) -> tuple[int, int]:
    """Parameters but those of the embeddings, in and out; and all."""
    network = build_model(model, device="meta")
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    embeddings = sizes["tok_embeddings.weight"] + sizes["output.weight"]
    return sum(sizes.values()) - embeddings, sum(sizes.values())
