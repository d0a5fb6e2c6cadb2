"""Hyper-connections: the vision transformers of 2409.19606, and the nano that comes with the zoo.

ImageNet by Table 12 (App. E.2); static weights do not decay, dynamic ones do (Sec. 4). The paper
says nothing of vectors and norms, which do not decay here, nor of crops: random resized crops,
mirrored or not, as in Big Vision, whose rate, batch, warm-up and Mixup these are.

The nano is trained as those of configs/language.py.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.image_streaming import Augmentation, StreamedImageClassification
from zoo.training.language_modeling import byte_recipe

STEPS = 300 * (1_281_167 // 4096)
TABLE_11 = {
    "vit_b16_shc_x2": "77.60",
    "vit_b16_dhc_x2": "77.26",
    "vit_l16_shc_x2": "78.38",
    "vit_l16_dhc_x2": "79.94",
}


def imagenet(model: str) -> Recipe:
    """Return a recipe of 300 epochs: 10,000 steps of warm-up, then a cosine to 0."""
    return Recipe(
        name=f"{model}.imagenet",
        model=model,
        dataset="imagenet/train",
        args={"drop_rate": 0.1},
        epochs=300,
        batch_size=4096,
        lr=3e-3,
        clip=1.0,
        objective=StreamedImageClassification(Augmentation(), mixup=0.2),
        optimizer=partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.999), eps=1e-8), 0.3),
        schedule=cosine(warmup=10_000 / STEPS),
        precision="bf16",
        source="2409.19606 App. E.2, Table 12",
        hardware="not stated",
        expected=f"accuracy {TABLE_11[model]} on imagenet/val (Table 11)",
    )


vit_b16_shc_x2, vit_b16_dhc_x2, vit_l16_shc_x2, vit_l16_dhc_x2 = map(imagenet, TABLE_11)
olmo_nano = byte_recipe("olmo_nano.zoo_peps", "olmo_nano")
olmo_nano_dhc_x4 = byte_recipe("olmo_nano_dhc_x4.zoo_peps", "olmo_nano_dhc_x4")
