"""The CIFAR networks of 2505.11881: ResNetV2 with orthogonal residual updates, and with the sum.

By recipes/resnet_cifar10.yaml and the like in the authors' code, all one recipe; the paper's
appendix on it was not read. CIFAR-100 has the statistics of CIFAR-10 here.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

WHERE = "Table 2"


def cifar(model: str, accuracy: str, *, classes: int = 10) -> Recipe:
    """Return a recipe; accuracies are means of five runs, each of its five best epochs."""
    return Recipe(
        name=f"{model}.cifar{classes}",
        model=model,
        dataset=f"cifar{classes}/train",
        args={"num_classes": 100} if classes == 100 else {},
        preprocessing={"num_classes": classes},
        epochs=200,
        batch_size=128,
        lr=0.1,
        clip=1.0,
        objective=ImageClassification(pad=4, flip=True, mode="reflect"),
        optimizer=partial(SGD, momentum=0.9, weight_decay=5e-4),
        schedule=steps(80 / 200, 120 / 200, factor=0.2),
        source="2505.11881, by recipes/resnet_cifar10.yaml of the authors' code",
        hardware="four RTX 3090, by a summary of the paper",
        expected=f"accuracy {accuracy} on cifar{classes}/test ({WHERE})",
    )


linear_resnetv2_18 = cifar("linear_resnetv2_18", "95.06")
orthogonal_resnetv2_18 = cifar("orthogonal_resnetv2_18", "95.26")
linear_resnetv2_34 = cifar("linear_resnetv2_34", "95.49")
orthogonal_resnetv2_34 = cifar("orthogonal_resnetv2_34", "95.75")

linear_resnetv2_18_cifar100 = cifar("linear_resnetv2_18", "77.67", classes=100)
orthogonal_resnetv2_18_cifar100 = cifar("orthogonal_resnetv2_18", "77.87", classes=100)
linear_resnetv2_34_cifar100 = cifar("linear_resnetv2_34", "78.92", classes=100)
orthogonal_resnetv2_34_cifar100 = cifar("orthogonal_resnetv2_34", "78.97", classes=100)
