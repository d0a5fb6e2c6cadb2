"""Keys of published GridFormers: the authors'."""

from zoo.checkpoints.key_mapping import KeyMapping


def block(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """Return the renames of a transformer block."""
    return (
        (f"{theirs}norm#.body.", f"{ours}norm#."),
        (f"{theirs}attn.qkv.", f"{ours}attn.qkv.0."),
        (f"{theirs}attn.qkv_dwconv.", f"{ours}attn.qkv.1."),
        (f"{theirs}attn.LocalProp.", f"{ours}attn.local."),
        (f"{theirs}attn.project_out.", f"{ours}attn.proj."),
        (f"{theirs}attn.temperature", f"{ours}attn.temperature"),
        (f"{theirs}ffn.project_in.", f"{ours}ffn.expand.0."),
        (f"{theirs}ffn.dwconv.", f"{ours}ffn.expand.1."),
        (f"{theirs}ffn.project_out.", f"{ours}ffn.proj."),
    )


def dense(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """Return the renames of a residual dense transformer block."""
    layer, plain = f"{theirs}dense_layers.#.", f"{ours}layers.#."
    return (
        *block(f"{layer}Transformer.transformer.#.", f"{plain}blocks.#."),
        (f"{layer}conv.", f"{plain}conv."),
        (f"{theirs}conv_1x1.", f"{ours}conv."),
    )


KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo", required_keys=("dense.0_0.layers.0.conv.weight",), models=("gridformer",)
    ),
    KeyMapping(
        name="TaoWangzj/GridFormer",
        required_keys=("TBM_module.0_0.conv_1x1.weight", "coefficient"),
        models=("gridformer",),
        renames=(
            ("conv_in.proj.", "conv_in."),
            *dense("TBM_in.", "first."),
            *dense("TBM_out.", "last."),
            *dense("TBM_module.#_#.", "dense.#_#."),
            ("downsample_module.#_#.body.", "down.#_#."),
            ("upsample_module.#_#.body.", "up.#_#."),
            ("extractor_module.#_0.conv_in.proj.", "extract.#.0."),
            *block("extractor_module.#_0.tbm_in.transformer.#.", "extract.#.1.#."),
            ("reconstruct_module.#_5.conv_out.", "reconstruct.#.1."),
            *block("reconstruct_module.#_5.tbm_out.transformer.#.", "reconstruct.#.0.#."),
        ),
    ),
]
