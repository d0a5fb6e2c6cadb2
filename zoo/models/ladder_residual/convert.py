"""Keys of transformers' Llama, which the authors' file for Llama 3.1 has too."""

from zoo.checkpoints.key_mapping import KeyMapping

MODELS = ("llama_3_1_8b*",)
LAYER = "model.layers.#."

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("layers.0.attention.wq.weight", "layers.0.feed_forward.w3.weight"),
        models=MODELS,
    ),
    KeyMapping(
        name="transformers' Llama",
        required_keys=("model.layers.0.self_attn.q_proj.weight",),
        models=MODELS,
        renames=(
            ("model.embed_tokens.", "tok_embeddings."),
            (f"{LAYER}input_layernorm.", "layers.#.attention_norm."),
            (f"{LAYER}post_attention_layernorm.", "layers.#.ffn_norm."),
            *((f"{LAYER}self_attn.{x}_proj.", f"layers.#.attention.w{x}.") for x in "qkvo"),
            (f"{LAYER}mlp.gate_proj.", "layers.#.feed_forward.w1."),
            (f"{LAYER}mlp.up_proj.", "layers.#.feed_forward.w3."),
            (f"{LAYER}mlp.down_proj.", "layers.#.feed_forward.w2."),
            ("model.norm.", "norm."),
            ("lm_head.", "output."),
        ),
    ),
]
