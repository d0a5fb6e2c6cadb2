"""Keys of the authors' code (lightaime/deep_gcns_torch)."""

from zoo.checkpoints.key_mapping import KeyMapping, Pair

RENAMES: tuple[Pair, ...] = (
    ("node_features_encoder.", "encoder."),
    ("node_one_hot_encoder.", "species."),
    ("node_pred_linear.", "head."),
    ("gcns.#.t", "convs.#.aggregate.scale"),
    ("gcns.#.p", "convs.#.aggregate.scale"),
    ("gcns.#.msg_norm.msg_scale", "convs.#.norm.scale"),
    ("gcns.#.", "convs.#."),
    ("layer_norms.#.", "norms.#."),
)

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("encoder.weight", "convs.0."), models=("*gcn_*",)),
    KeyMapping(
        name="lightaime/deep_gcns_torch, ogbn-arxiv and ogbn-products",
        required_keys=("node_pred_linear.weight", "gcns.0.", "norms.0."),
        models=("deepergcn_28_arxiv", "deepergcn_14_products"),
        renames=RENAMES,
    ),
    KeyMapping(
        name="lightaime/deep_gcns_torch, ogbn-proteins",
        required_keys=("node_one_hot_encoder.weight", "gcns.0.", "layer_norms.0."),
        models=("deepergcn_112_proteins",),
        renames=RENAMES,
    ),
]
