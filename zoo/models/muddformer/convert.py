"""Keys of the released MUDDFormer and MUDDPythias: the zoo's, except for the connections."""

from zoo.checkpoints.key_mapping import KeyMapping

MODELS = ("muddformer_*", "muddpythia_*")

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo",
        required_keys=("connections.dynamic_dense.0.w1.weight", "connections.dense_bs.0"),
        models=MODELS,
    ),
    KeyMapping(
        name="Caiyun-AI",
        required_keys=("dynamic_dense.0.w1.weight", "dense_bs.0"),
        models=MODELS,
        renames=(
            ("dynamic_dense.", "connections.dynamic_dense."),
            ("dense_bs.", "connections.dense_bs."),
        ),
    ),
]
