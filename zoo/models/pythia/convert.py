"""Keys of published Pythias: GPT-NeoX of transformers, whose heads have queries, keys and values
side by side."""

from functools import partial
from typing import Any

from zoo.checkpoints.key_mapping import KeyMapping


def apart(tensor: Any, heads: int) -> Any:
    """(heads * 3 * d, ...) -> (3 * heads * d, ...): all queries, then all keys, then all values."""
    return tensor.unflatten(0, (heads, 3, -1)).transpose(0, 1).flatten(0, 2)


def together(tensor: Any, heads: int) -> Any:
    """(3 * heads * d, ...) -> (heads * 3 * d, ...), as transformers has them."""
    return tensor.unflatten(0, (3, heads, -1)).transpose(0, 1).flatten(0, 2)


def renames(prefix: str) -> tuple[tuple[str, str], ...]:
    """Their keys, which may begin with `prefix`, and the zoo's."""
    return (
        (f"{prefix}embed_in.", "tok_embeddings."),
        (f"{prefix}layers.#.input_layernorm.", "layers.#.attention_norm."),
        (f"{prefix}layers.#.post_attention_layernorm.", "layers.#.ffn_norm."),
        (f"{prefix}layers.#.attention.query_key_value.", "layers.#.attention.wqkv."),
        (f"{prefix}layers.#.attention.dense.", "layers.#.attention.wo."),
        (f"{prefix}layers.#.mlp.dense_h_to_4h.", "layers.#.feed_forward.w1."),
        (f"{prefix}layers.#.mlp.dense_4h_to_h.", "layers.#.feed_forward.w2."),
        (f"{prefix}final_layer_norm.", "norm."),
    )


PREFIX = "gpt_neox."
HEADS = {8: ("70m", "1b"), 12: ("160m",), 16: ("410m", "405m", "1_4b"), 24: ("834m",)}
HEADS |= {32: ("2_8b", "6_9b"), 40: ("12b",)}
IGNORED = tuple(
    (f"{prefix}layers.#.attention.{buffer}", why)
    for prefix in ("", PREFIX)
    for buffer, why in (
        ("bias", "an attention mask, which the zoo makes"),
        ("masked_bias", "an attention mask, which the zoo makes"),
        ("rotary_emb.inv_freq", "the frequencies of the rotations, which the zoo computes"),
    )
)
QKV = r"layers\.\d+\.attention\.wqkv\.(weight|bias)"

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("layers.0.attention.wqkv.bias", "output.weight"),
        models=("pythia_*",),
    ),
    *(
        KeyMapping(
            name="EleutherAI/pythia",
            required_keys=("layers.0.attention.query_key_value.weight",),
            models=tuple(f"pythia_{size}" for size in sizes),
            renames=(
                *renames(PREFIX),
                *renames(""),
                ("embed_out.", "output."),
                ("lm_head.", "output."),
            ),
            transforms=((QKV, partial(apart, heads=heads), partial(together, heads=heads)),),
            ignored=IGNORED,
        )
        for heads, sizes in HEADS.items()
    ),
]
