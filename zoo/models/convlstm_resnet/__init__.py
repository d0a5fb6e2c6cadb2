"""Self-regulated ResNets (2101.00590), with ConvLSTMs; `rnn` has the other regulators."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
PACKAGE = "zoo.models.convlstm_resnet.model"

register(
    f"{PACKAGE}:RegulatedCifarResNet",
    {f"convlstm_resnet{depth}": {"depth": depth} for depth in (20, 32, 56)},
    CIFAR_CFG,
)
register(f"{PACKAGE}:RegulatedResNet", {"convlstm_resnet50": {"depth": 50}}, IMAGENET_CFG)
