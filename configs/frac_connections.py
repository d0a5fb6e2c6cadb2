"""Frac-connections: the nano that comes with the zoo, trained as those of configs/language.py.

The networks of 2503.14125 follow OLMo2 and OLMoE, whose data the zoo does not have.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.language_modeling import NextToken

olmo_nano_dfc_x4 = Recipe(
    name="olmo_nano_dfc_x4.zoo_peps",
    model="olmo_nano_dfc_x4",
    dataset="peps_mini/train",
    objective=NextToken(),
    epochs=15,
    batch_size=16,
    lr=3e-3,
    clip=1.0,
    optimizer=partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.95), eps=1e-8), 0.1),
    schedule=cosine(warmup=0.02, floor=0.1),
    source="2502.12170 App. D.1, shortened",
)
