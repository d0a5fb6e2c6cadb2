"""Recipes for the byte-level language models that come with the zoo: 0.5 M parameters or fewer.

Optimizer, clipping and the shape of the schedule are those of 2502.12170, App. D.1 (AdamW with
betas 0.9 and 0.95, weight decay 0.1, gradients clipped at 1, warm-up, a cosine down to a tenth);
rate and length are fitted to two CPU cores. All see the same batches in the same order.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.language_modeling import NextToken

MODELS = (
    "gpt2_nano",
    "loop_gpt2_nano",
    "loop_gpt2_nano_x2",
    "transformer_pp_nano",
    "muddformer_nano",
)
OPTIMIZER = partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.95), eps=1e-8), 0.1)


def nano(model: str) -> Recipe:
    """Return a recipe: epochs of 100 batches of 16 windows of 256 bytes."""
    return Recipe(
        name=f"{model}.zoo_peps",
        model=model,
        dataset="peps_mini/train",
        objective=NextToken(),
        epochs=15,
        batch_size=16,
        lr=3e-3,
        clip=1.0,
        optimizer=OPTIMIZER,
        schedule=cosine(warmup=0.02, floor=0.1),
        source="2502.12170 App. D.1, shortened",
    )


gpt2_nano, loop_gpt2_nano, loop_gpt2_nano_x2, transformer_pp_nano, muddformer_nano = map(
    nano, MODELS
)
