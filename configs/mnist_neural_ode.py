"""ODE-Net, RK-Net and their ResNet control on MNIST, by the script of 1806.07366's authors.

    accelerate launch -m zoo.training configs/mnist_neural_ode.py:odenet_mnist_res_mnist \\
        --data DIR --test mnist/test

The script keeps the weights that are best on the test images; the zoo keeps the last ones. One
epoch of one core takes 3 minutes (ResNet), 15 (RK-Net) or 25 (ODE-Net), so that 160 are for a GPU;
recipes that end in zoo_mnist3 have 3, with the rate lowered at the same shares.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

EPOCHS = 160
KINDS = {"resnet_mnist6": "0.41", "rknet_mnist": "0.47", "odenet_mnist": "0.42"}  # Table 1's errors


def mnist(model: str, *, epochs: int = EPOCHS, tag: str = "mnist") -> Recipe:
    """Return the recipe of a network, or the same in fewer epochs."""
    kind, _, stem = model.rpartition("_")
    printed = f"error {KINDS[kind]} on mnist/test (Table 1)"
    if stem == "conv":
        printed = "no number: Table 1 is of the other stem"
    return Recipe(
        name=f"{model}.{tag}",
        model=model,
        dataset="mnist/train",
        epochs=epochs,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=False),
        optimizer=partial(SGD, momentum=0.9),
        schedule=steps(60 / EPOCHS, 100 / EPOCHS, 140 / EPOCHS),
        source="1806.07366, examples/odenet_mnist.py of rtqichen/torchdiffeq"
        + (f", shortened to {epochs} of its {EPOCHS} epochs" if epochs < EPOCHS else ""),
        hardware="a GPU",
        expected=printed if epochs == EPOCHS else "about 99 % right",
    )


NAMES = [f"{kind}_{stem}" for kind in KINDS for stem in ("conv", "res")]
WHOLE = [mnist(name) for name in NAMES]
SHORT = [mnist(name, epochs=3, tag="zoo_mnist3") for name in NAMES]
# odenet_mnist_res_mnist, odenet_mnist_res_zoo_mnist3 and so on
globals().update({recipe.name.replace(".", "_"): recipe for recipe in (*WHOLE, *SHORT)})
