"""Keys of published ResMLPs. timm's are the zoo's own; the authors' differ in names and shapes."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(
        name="timm",
        required_keys=("stem.proj.weight", "linear_tokens.weight"),
        models=("resmlp_*",),
    ),
    KeyMapping(
        name="facebookresearch/deit",
        required_keys=("patch_embed.proj.weight", "blocks.0.gamma_1", "norm.alpha"),
        models=("resmlp_*",),
        renames=(
            ("patch_embed.", "stem."),
            ("blocks.#.attn.", "blocks.#.linear_tokens."),
            ("blocks.#.mlp.", "blocks.#.mlp_channels."),
            ("blocks.#.gamma_1", "blocks.#.ls1"),
            ("blocks.#.gamma_2", "blocks.#.ls2"),
        ),
        transforms=((r".*\.(alpha|beta)", lambda t: t.reshape(1, 1, -1), lambda t: t.flatten()),),
    ),
]
