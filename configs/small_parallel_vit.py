"""A trial of Table 7 of "Three things" (2203.09795) on MNIST: which stem.

    python -m eval.trials configs/small_parallel_vit.py --test mnist/test --data DIR --write

ViT-Ti of 4 layers on digits enlarged to 48 pixels, which makes 9 patches; AdamW with the usual
rate, decay and cosine, in float32. Nothing was chosen by a result.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.image_classification import ImageClassification

PREPROCESSING = {
    "input_size": (1, 48, 48),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": (0.1307,),
    "std": (0.3081,),
    "num_classes": 10,
}


def small(model: str) -> Recipe:
    """Return a recipe: a tenth of the time warming up, then half a cosine."""
    return Recipe(
        name=f"{model}.zoo_mnist48_float32",
        model=model,
        dataset="mnist/train",
        args={"num_classes": 10, "in_chans": 1},
        preprocessing=PREPROCESSING,
        epochs=10,
        batch_size=64,
        lr=1e-3,
        objective=ImageClassification(pad=4, flip=False, steps=156),
        optimizer=partial(decay_matrices_only, AdamW, 0.05),
        schedule=cosine(warmup=0.1),
        source="2203.09795 Table 7, shortened",
        hardware="a CPU core: 3 minutes",
        expected="a lower error with the hierarchical stem",
    )


linear, hmlp = small("deit_tiny_patch16_4"), small("deit_tiny_patch16_4_hmlp")
