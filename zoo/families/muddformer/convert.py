"""Keys of the released MUDDFormer and MUDDPythias: the zoo's, but for those of the connections."""

from zoo.schemes import Scheme

SCHEMES = [
    Scheme(
        name="Caiyun-AI",
        marks=("dynamic_dense.0.w1.weight", "dense_bs.0"),
        models=("muddformer_*", "muddpythia_*"),
        renames=((r"(dynamic_dense|dense_bs)\.", r"connections.\1."),),
    )
]
