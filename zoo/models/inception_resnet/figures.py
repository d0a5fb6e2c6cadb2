"""The branches of every block, as the figures of 1602.07261 and the authors' code have them."""

from collections.abc import Mapping, Sequence

from zoo.models.inception_resnet.blocks import AVERAGE, MAXIMUM, Layer, Steps

Figures = Mapping[str, Sequence[Steps]]

STEM = {"conv2d_1a": Layer(32, 3, 2), "conv2d_2a": Layer(32, 3, valid=True)}
STEM |= {"conv2d_2b": Layer(64, 3)}
AFTER_POOL = {"conv2d_3b": Layer(80, 1), "conv2d_4a": Layer(192, 3, valid=True)}
MIXED_5B: Sequence[Steps] = (
    [Layer(96, 1)],
    [Layer(48, 1), Layer(64, 5)],
    [Layer(64, 1), Layer(96, 3), Layer(96, 3)],
    [AVERAGE, Layer(64, 1)],
)
V1: Figures = {  # Fig. 10, 7, 11, 12, 13
    "repeat": ([Layer(32, 1)], [Layer(32, 1), Layer(32, 3)], [Layer(32, 1), *[Layer(32, 3)] * 2]),
    "mixed_6a": ([Layer(384, 3, 2)], [Layer(192, 1), Layer(192, 3), Layer(256, 3, 2)], [MAXIMUM]),
    "repeat_1": ([Layer(128, 1)], [Layer(128, 1), Layer(128, (1, 7)), Layer(128, (7, 1))]),
    "mixed_7a": (
        [Layer(256, 1), Layer(384, 3, 2)],
        [Layer(256, 1), Layer(256, 3, 2)],
        [Layer(256, 1), Layer(256, 3), Layer(256, 3, 2)],
        [MAXIMUM],
    ),
    "repeat_2": ([Layer(192, 1)], [Layer(192, 1), Layer(192, (1, 3)), Layer(192, (3, 1))]),
}
V2: Figures = {  # Fig. 16, 7, 17, 18, 19
    "repeat": (
        [Layer(32, 1)],
        [Layer(32, 1), Layer(32, 3)],
        [Layer(32, 1), Layer(48, 3), Layer(64, 3)],
    ),
    "mixed_6a": ([Layer(384, 3, 2)], [Layer(256, 1), Layer(256, 3), Layer(384, 3, 2)], [MAXIMUM]),
    "repeat_1": ([Layer(192, 1)], [Layer(128, 1), Layer(160, (1, 7)), Layer(192, (7, 1))]),
    "mixed_7a": (
        [Layer(256, 1), Layer(384, 3, 2)],
        [Layer(256, 1), Layer(288, 3, 2)],
        [Layer(256, 1), Layer(288, 3), Layer(320, 3, 2)],
        [MAXIMUM],
    ),
    "repeat_2": ([Layer(192, 1)], [Layer(192, 1), Layer(224, (1, 3)), Layer(256, (3, 1))]),
}

# Inception-v4

MIXED_3A: Mapping[str, Steps] = {
    "maxpool": [MAXIMUM],
    "conv": [Layer(96, 3, 2)],
}  # Fig. 3, from below
MIXED_4A: Sequence[Steps] = (
    [Layer(64, 1), Layer(96, 3, valid=True)],
    [Layer(64, 1), Layer(64, (1, 7)), Layer(64, (7, 1)), Layer(96, 3, valid=True)],
)
MIXED_5A: Mapping[str, Steps] = {"conv": [Layer(192, 3, 2)], "maxpool": [MAXIMUM]}
A: Sequence[Steps] = (  # Fig. 4
    [Layer(96, 1)],
    [Layer(64, 1), Layer(96, 3)],
    [Layer(64, 1), Layer(96, 3), Layer(96, 3)],
    [AVERAGE, Layer(96, 1)],
)
REDUCTION_A: Sequence[Steps] = (  # Fig. 7 and Table 1
    [Layer(384, 3, 2)],
    [Layer(192, 1), Layer(224, 3), Layer(256, 3, 2)],
    [MAXIMUM],
)
B: Sequence[Steps] = (  # Fig. 5
    [Layer(384, 1)],
    [Layer(192, 1), Layer(224, (1, 7)), Layer(256, (7, 1))],
    [
        Layer(192, 1),
        Layer(192, (7, 1)),
        Layer(224, (1, 7)),
        Layer(224, (7, 1)),
        Layer(256, (1, 7)),
    ],
    [AVERAGE, Layer(128, 1)],
)
REDUCTION_B: Sequence[Steps] = (  # Fig. 8
    [Layer(192, 1), Layer(192, 3, 2)],
    [Layer(256, 1), Layer(256, (1, 7)), Layer(320, (7, 1)), Layer(320, 3, 2)],
    [MAXIMUM],
)
