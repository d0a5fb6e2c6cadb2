"""Keys of published Dual Path Networks. timm's are the zoo's own."""

from zoo.schemes import Scheme

SCHEMES = [
    Scheme(name="timm", marks=("features.conv2_1.c1x1_w_s1.bn.weight",), models=("dpn*",)),
]
