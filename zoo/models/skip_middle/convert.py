"""Keys of the authors' code and of their models on the Hub.

They turn neighbours (x_2j, x_2j+1) by their positions, the zoo the halves of a head (x_j, x_j+d/2).
"""

from functools import partial
from typing import Any

from zoo.checkpoints.key_mapping import KeyMapping

MODELS = ("skip_middle_*",)
HEAD = 64  # width of each head of the published networks


def halves(matrix: Any, width: int) -> Any:
    """(heads * width, D), neighbours side by side -> halves of each head."""
    return matrix.unflatten(0, (-1, width // 2, 2)).transpose(1, 2).flatten(0, 2)


def neighbours(matrix: Any, width: int) -> Any:
    """(heads * width, D), halves of each head -> neighbours side by side."""
    return matrix.unflatten(0, (-1, 2, width // 2)).transpose(1, 2).flatten(0, 2)


def renames(prefix: str) -> tuple[tuple[str, str], ...]:
    """Their keys, which may begin with `prefix`, and the zoo's."""
    return (
        (f"{prefix}input_norm.", "connections.norm."),
        (f"{prefix}masks.#.linear.", "connections.gates.#."),
        (f"{prefix}layers.#.pre_attention_norm.", "layers.#.attention_norm."),
        (f"{prefix}layers.#.pre_feed_forward_norm.", "layers.#.ffn_norm."),
        (f"{prefix}layers.#.post_feed_forward_norm.", "layers.#.post_ffn_norm."),
        (f"{prefix}output_norm.", "norm."),
    )


KEPT = ("layers.", "tok_embeddings.", "output.")
QK = r"layers\.\d+\.attention\.w[qk]\.weight"

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("connections.gates.0.weight", "layers.0.post_ffn_norm.weight"),
        models=MODELS,
    ),
    *(
        KeyMapping(
            name=name,
            required_keys=(f"{prefix}masks.0.linear.weight",),
            models=MODELS,
            renames=(*renames(prefix), *((prefix + key, key) for key in KEPT)),
            transforms=((QK, partial(halves, width=HEAD), partial(neighbours, width=HEAD)),),
        )
        for name, prefix in (("tim-lawson/skip-middle", ""), ("its Hub models", "model."))
    ),
]
