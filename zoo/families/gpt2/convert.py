"""Keys of published GPT-2s: OpenAI's on the Hub, whose matrices are transposed, and nanoGPT's."""

from zoo.schemes import Scheme

RENAMES = (
    (r"(transformer\.)?wte\.", "tok_embeddings."),
    (r"(transformer\.)?wpe\.", "pos_embeddings."),
    (r"(transformer\.)?h\.(\d+)\.attn\.(masked_)?bias$", ""),  # masks
    (r"(transformer\.)?h\.(\d+)\.ln_1\.", r"layers.\2.attention_norm."),
    (r"(transformer\.)?h\.(\d+)\.ln_2\.", r"layers.\2.ffn_norm."),
    (r"(transformer\.)?h\.(\d+)\.attn\.c_attn\.", r"layers.\2.attention.wqkv."),
    (r"(transformer\.)?h\.(\d+)\.attn\.c_proj\.", r"layers.\2.attention.wo."),
    (r"(transformer\.)?h\.(\d+)\.mlp\.c_fc\.", r"layers.\2.feed_forward.w1."),
    (r"(transformer\.)?h\.(\d+)\.mlp\.c_proj\.", r"layers.\2.feed_forward.w2."),
    (r"(transformer\.)?ln_f\.", "norm."),
    (r"lm_head\.weight$", ""),  # the embeddings, once more
)
MATRICES = r"layers\.\d+\.(attention|feed_forward)\.\w+\.weight"

SCHEMES = [
    Scheme(
        name="openai-community/gpt2",
        marks=("h.0.attn.c_attn.weight",),
        models=("gpt2*",),
        renames=RENAMES,
        changes=((MATRICES, lambda matrix: matrix.t()),),
    ),
    Scheme(
        name="nanoGPT",
        marks=("transformer.h.0.attn.c_attn.weight",),
        models=("gpt2*",),
        renames=RENAMES,
    ),
]
