"""Keys of parallel vision transformers: timm's with and without branches, and the authors'.

timm's networks of these shapes give the class token a position too, which the authors' have not: a
file of timm's fits if it was made with no_embed_class=True.
"""

from zoo.checkpoints.key_mapping import KeyMapping, Pair

TOKEN = (("cls_token", "embed.cls_token"), ("pos_embed", "embed.pos_embed"))


def single(attention_scale: str, scale: str) -> tuple[Pair, ...]:
    """Return the renames of blocks without branches, by the names of their two LayerScales."""
    return (
        ("blocks.#.norm1.", "blocks.#.attns.0.norm."),
        ("blocks.#.attn.", "blocks.#.attns.0.attn."),
        (f"blocks.#.{attention_scale}", "blocks.#.attns.0.ls.gamma"),
        ("blocks.#.norm2.", "blocks.#.ffns.0.norm."),
        ("blocks.#.mlp.", "blocks.#.ffns.0.mlp."),
        (f"blocks.#.{scale}", "blocks.#.ffns.0.ls.gamma"),
    )


DOUBLE = tuple(
    pair
    for i, last in enumerate(("", "1"))
    for pair in (
        (f"blocks.#.norm1{last}.", f"blocks.#.attns.{i}.norm."),
        (f"blocks.#.attn{last}.", f"blocks.#.attns.{i}.attn."),
        (f"blocks.#.gamma_1{last and '_1'}", f"blocks.#.attns.{i}.ls.gamma"),
        (f"blocks.#.norm2{last}.", f"blocks.#.ffns.{i}.norm."),
        (f"blocks.#.mlp{last}.", f"blocks.#.ffns.{i}.mlp."),
        (f"blocks.#.gamma_2{last and '_1'}", f"blocks.#.ffns.{i}.ls.gamma"),
    )
)
PARALLEL = ("deit_small_patch16_18x2*", "deit_base_patch16_18x2*")
SEQUENTIAL = ("deit_*_36*", "deit_*_hmlp")
SCALED = ("deit_*_36*_ls",)

KEY_MAPPINGS = [
    KeyMapping(
        name="timm, parallel",
        required_keys=("blocks.0.attns.0.norm.weight", "cls_token"),
        models=PARALLEL,
        renames=TOKEN,
    ),
    KeyMapping(
        name="timm",
        required_keys=("blocks.0.norm1.weight", "blocks.0.ls1.gamma"),
        models=SCALED,
        renames=TOKEN + single("ls1.gamma", "ls2.gamma"),
    ),
    KeyMapping(
        name="facebookresearch/deit",
        required_keys=("blocks.0.norm1.weight", "cls_token"),
        models=SEQUENTIAL,
        renames=TOKEN + single("gamma_1", "gamma_2"),
    ),
    KeyMapping(
        name="facebookresearch/deit, parallel",
        required_keys=("blocks.0.norm11.weight", "cls_token"),
        models=PARALLEL,
        renames=TOKEN + tuple(reversed(DOUBLE)),
    ),
]
