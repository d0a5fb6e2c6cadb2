"""Keys of published Pythias: GPT-NeoX of transformers, whose heads have queries, keys and values
side by side."""

from functools import partial
from typing import Any

from zoo.schemes import Scheme


def apart(tensor: Any, heads: int) -> Any:
    """(heads * 3 * d, ...) -> (3 * heads * d, ...): all queries, then all keys, then all values."""
    return tensor.unflatten(0, (heads, 3, -1)).transpose(0, 1).flatten(0, 2)


HEADS = {8: ("70m", "1b"), 12: ("160m",), 16: ("410m", "405m", "1_4b"), 24: ("834m",)}
HEADS |= {32: ("2_8b", "6_9b"), 40: ("12b",)}
L = r"(?:gpt_neox\.)?layers\.(\d+)\."

SCHEMES = [
    Scheme(
        name="EleutherAI/pythia",
        marks=("layers.0.attention.query_key_value.weight",),
        models=tuple(f"pythia_{size}" for size in sizes),
        renames=(
            (r"(?:gpt_neox\.)?embed_in\.", "tok_embeddings."),
            (rf"{L}attention\.(bias|masked_bias|rotary_emb\.inv_freq)$", ""),
            (rf"{L}input_layernorm\.", r"layers.\1.attention_norm."),
            (rf"{L}post_attention_layernorm\.", r"layers.\1.ffn_norm."),
            (rf"{L}attention\.query_key_value\.", r"layers.\1.attention.wqkv."),
            (rf"{L}attention\.dense\.", r"layers.\1.attention.wo."),
            (rf"{L}mlp\.dense_h_to_4h\.", r"layers.\1.feed_forward.w1."),
            (rf"{L}mlp\.dense_4h_to_h\.", r"layers.\1.feed_forward.w2."),
            (r"(?:gpt_neox\.)?final_layer_norm\.", "norm."),
            (r"(embed_out|lm_head)\.", "output."),
        ),
        changes=((r"layers\.\d+\.attention\.wqkv\.(weight|bias)", partial(apart, heads=heads)),),
    )
    for heads, sizes in HEADS.items()
]
