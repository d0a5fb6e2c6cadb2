"""Neural ODE (1806.07366): ODE-Net, RK-Net and their ResNet control on MNIST.

The paper's network has the stem "res"; the authors' script has "conv" by default.
"""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import register_models

MNIST_CFG = CIFAR_CFG | {"input_size": (1, 28, 28), "mean": (0.0,), "std": (1.0,)}
register = partial(register_models, task="image-classification")

for stem, side in {"conv": 6, "res": 7}.items():
    cfg = MNIST_CFG | {"pool_size": (side, side)}
    direct, adjoint = ({"method": "dopri5", "adjoint": flag} for flag in (False, True))
    register(
        "zoo.models.neural_ode.model:OdeNet",
        {
            f"odenet_mnist_{stem}": {"stem": stem, "solver": adjoint},
            f"rknet_mnist_{stem}": {"stem": stem, "solver": direct},
        },
        cfg,
    )
    register(
        "zoo.models.neural_ode.model:ControlNet", {f"resnet_mnist6_{stem}": {"stem": stem}}, cfg
    )
