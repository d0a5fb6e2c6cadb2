"""Keys of published pre-activation ResNets."""

from zoo.schemes import Scheme

SCHEMES = [
    Scheme(name="the zoo", marks=("layer3.0.conv1.weight", "bn.weight"), models=("preresnet*",))
]
