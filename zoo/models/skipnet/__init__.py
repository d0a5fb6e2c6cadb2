"""SkipNet (1711.09485): skipnet<depth>_<gate>, feed-forward or recurrent gates."""

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

GATES = {38: "ff1", 74: "ff1", 110: "ff2"}  # FFGate-II beyond 100 layers (Sec. 3.1)

register_models(
    "zoo.models.skipnet.model:CifarSkipNet",
    {f"skipnet{depth}_ff": {"depth": depth, "gate": gate} for depth, gate in GATES.items()}
    | {f"skipnet{depth}_rnn": {"depth": depth, "gate": "rnn"} for depth in (*GATES, 152)}
    | {  # trained as in Table 3, the S-<depth>-St
        f"skipnet{depth}_rnn_soft": {"depth": depth, "gate": "rnn", "gating": "soft"}
        for depth in GATES
    },
    CIFAR_CFG,
    task="image-classification",
)
register_models(
    "zoo.models.skipnet.model:SkipNet",
    {f"skipnet{depth}_rnn": {"depth": depth, "gate": "rnn"} for depth in (34, 50, 101)},
    IMAGENET_CFG,
    task="image-classification",
)
