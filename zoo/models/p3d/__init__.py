"""P3D ResNets (1711.10305): units A, B and C in turn, or one of them alone at 63 layers.

Sizes are those of Kinetics: 400 classes, 16 frames of 160x160.
"""

from zoo.models._cfgs import video_cfg
from zoo.models._registry import register_models

TARGET = "zoo.models.p3d.model:P3D"

register_models(
    TARGET,
    {
        "p3d63": {"depth": 63},
        "p3d131": {"depth": 131},
        "p3d199": {"depth": 199},
        **{f"p3d63_{kind}": {"depth": 63, "kinds": (kind,)} for kind in "abc"},
    },
    video_cfg(),
    task="video-classification",
)
register_models(
    TARGET,
    {"p3d199_flow": {"depth": 199, "in_chans": 2}},
    video_cfg(2),
    task="video-classification",
)
