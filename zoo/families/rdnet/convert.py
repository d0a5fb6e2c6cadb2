"""Keys of published RDNets. timm's are the zoo's own; the two differ in the epsilon of the head's
norm (timm 1e-6, the authors 1e-5), which no tensor tells: a file of either becomes the authors'."""

from zoo.schemes import Scheme

SCHEMES = [
    Scheme(name="timm", marks=("stem.0.weight", "dense_stages.0.0."), models=("rdnet_*",)),
    Scheme(
        name="naver-ai/rdnet",
        marks=("stem.stem.0.weight", "dense_stages.0.0."),
        models=("rdnet_*",),
        renames=((r"stem\.stem\.", "stem."),),
    ),
]
