"""Keys of the authors' vision transformers on the Hub, which are those of transformers' ViT."""

from zoo.checkpoints.key_mapping import KeyMapping

LAYER, BLOCK = "vit.encoder.layer.#.", "blocks.#."

KEY_MAPPINGS = [
    KeyMapping(
        name="BootsofLagrangian",
        models=("orthogonal_vit_*", "linear_vit_*"),
        required_keys=("vit.embeddings.cls_token", "vit.encoder.layer.0.output.dense.weight"),
        renames=(
            ("vit.embeddings.cls_token", "positions.token"),
            ("vit.embeddings.position_embeddings", "positions.table"),
            ("vit.embeddings.patch_embeddings.projection.", "patch_embed."),
            (f"{LAYER}attention.attention.query.", f"{BLOCK}attention.wq."),
            (f"{LAYER}attention.attention.key.", f"{BLOCK}attention.wk."),
            (f"{LAYER}attention.attention.value.", f"{BLOCK}attention.wv."),
            (f"{LAYER}attention.output.dense.", f"{BLOCK}attention.wo."),
            (f"{LAYER}intermediate.dense.", f"{BLOCK}feed_forward.w1."),
            (f"{LAYER}output.dense.", f"{BLOCK}feed_forward.w2."),
            ("vit.layernorm.", "norm."),
            ("classifier.", "fc."),
        ),
    ),
]
