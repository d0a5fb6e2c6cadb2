"""Keys of published GPT-2s: OpenAI's on the Hub, whose matrices are transposed, and nanoGPT's."""

from typing import Any

from zoo.checkpoints.key_mapping import KeyMapping

PREFIX = "transformer."


def renames(prefix: str) -> tuple[tuple[str, str], ...]:
    """Their keys, which may begin with `prefix`, and the zoo's."""
    return (
        (f"{prefix}wte.", "tok_embeddings."),
        (f"{prefix}wpe.", "pos_embeddings."),
        (f"{prefix}h.#.ln_1.", "layers.#.attention_norm."),
        (f"{prefix}h.#.ln_2.", "layers.#.ffn_norm."),
        (f"{prefix}h.#.attn.c_attn.", "layers.#.attention.wqkv."),
        (f"{prefix}h.#.attn.c_proj.", "layers.#.attention.wo."),
        (f"{prefix}h.#.mlp.c_fc.", "layers.#.feed_forward.w1."),
        (f"{prefix}h.#.mlp.c_proj.", "layers.#.feed_forward.w2."),
        (f"{prefix}ln_f.", "norm."),
    )


def transposed(matrix: Any) -> Any:
    """(c_in, c_out) <-> (c_out, c_in)."""
    return matrix.t()


IGNORED = tuple(
    (f"{prefix}h.#.attn.{mask}", "an attention mask, which the zoo makes")
    for prefix in ("", PREFIX)
    for mask in ("bias", "masked_bias")
)
MATRICES = r"layers\.\d+\.(attention|feed_forward)\.\w+\.weight"
HEAD = ("lm_head.weight", f"{PREFIX}wte.weight")  # the classifier is the embeddings

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("layers.0.attention.wqkv.weight", "pos_embeddings.weight"),
        models=("gpt2*",),
    ),
    KeyMapping(
        name="openai-community/gpt2",
        required_keys=("h.0.attn.c_attn.weight",),
        models=("gpt2*",),
        renames=(*renames(""), *renames(PREFIX)),
        transforms=((MATRICES, transposed, transposed),),
        ignored=IGNORED,
        tied=(HEAD,),  # of transformers, whose keys have the prefix
    ),
    KeyMapping(
        name="nanoGPT",
        required_keys=(f"{PREFIX}h.0.attn.c_attn.weight",),
        models=("gpt2*",),
        renames=renames(PREFIX),
        ignored=IGNORED,
        tied=(HEAD,),
    ),
]
