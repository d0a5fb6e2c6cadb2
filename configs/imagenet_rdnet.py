"""RDNet on ImageNet: 2403.19588, Table A, and train_configs/rdnet.yaml where that is silent.

From there: a warm-up that begins at 1e-4, a floor of 1e-6, crops by bilinear or bicubic
interpolation, erasing by noise, no decay of vectors. timm's rate changes once an epoch, on a cosine
that begins with the warm-up; here it changes at each step, on a cosine that begins after it. Sec.
4.1 prints a rate of 1e-4, Table A and the code 1e-3. The fine-tuning at 384 pixels needs a rate for
each layer and is not here.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.image_streaming import Augmentation, StreamedImageClassification

TABLE_A = {  # stochastic depth, accuracy
    "rdnet_tiny": (0.15, "82.8 on imagenet/val (Tables 1, 2, 4, 8 and 9)"),
    "rdnet_small": (0.35, "83.7 on imagenet/val (Tables 2, 4 and 8a)"),
    "rdnet_base": (0.4, "84.4 on imagenet/val (Tables 2, 4 and 8a)"),
    "rdnet_large": (0.5, "84.8 on imagenet/val (Tables 2 and 4)"),
}
AUGMENTATION = Augmentation(
    interpolation="random", auto_augment="rand-m9-mstd0.5-inc1", random_erasing=0.25
)


def imagenet(model: str) -> Recipe:
    """Return a recipe of 300 epochs, 20 of them warm-up."""
    drop_path_rate, accuracy = TABLE_A[model]
    return Recipe(
        name=f"{model}.imagenet",
        model=model,
        dataset="imagenet/train",
        args={"drop_path_rate": drop_path_rate},
        epochs=300,
        batch_size=512,
        lr=1e-3,
        objective=StreamedImageClassification(AUGMENTATION, smoothing=0.1, mixup=0.8, cutmix=1.0),
        optimizer=partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.999)), 0.05),
        schedule=cosine(warmup=20 / 300, floor=1e-3, first=0.1),
        precision="bf16",
        source="2403.19588 Table A, Sec. 0.A.1",
        hardware="four GPUs (TRAINING.md of the authors' code)",
        expected=f"accuracy {accuracy}",
    )


rdnet_tiny, rdnet_small, rdnet_base, rdnet_large = map(imagenet, TABLE_A)
