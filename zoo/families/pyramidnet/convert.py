"""Keys of published PyramidNets."""

from zoo.schemes import Scheme

SCHEMES = [
    Scheme(name="the zoo", marks=("layer3.0.bn3.weight", "bn.weight"), models=("pyramidnet*",)),
    Scheme(
        name="dyhan0920/PyramidNet-PyTorch",
        marks=("layer3.0.bn3.weight", "bn_final.weight"),
        models=("pyramidnet*",),
        renames=(("bn_final.", "bn."),),
    ),
]
