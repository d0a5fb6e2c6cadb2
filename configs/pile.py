"""MUDDFormer and Transformer++ of 405M on the Pile: 2502.12170, Table 2, App. D.1 and E.

7B tokens in batches of 0.5M: 13,500 steps of 256 windows (jax/MaxText/exp.py of the authors' code).
Its weight decay is of every parameter, norms included (optimizers.py). DIR/pile holds train.bin,
the ids of GPT-NeoX's tokenizer in 16 bits each, or parquet files with a column of texts.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine
from zoo.training.language_modeling import NextToken

PERPLEXITIES = {
    "muddformer_405m": "perplexity 10.77 on pile/validation (Table 5); 7 hours (Table 7)",
    "transformer_pp_405m": "perplexity 11.68 on pile/validation (Table 5); 5.7 hours (Table 7)",
}


def pile(model: str) -> Recipe:
    """Return a recipe; a batch has sixteen parts."""
    return Recipe(
        name=f"{model}.pile",
        model=model,
        dataset="pile/train",
        objective=NextToken(tokenizer="neox", context=2048, steps=100),
        epochs=135,
        batch_size=256,
        accumulate=16,
        lr=3e-4,
        clip=1.0,
        optimizer=partial(AdamW, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1),
        schedule=cosine(warmup=0.01, floor=0.1),
        precision="bf16",
        source="2502.12170 Table 2, App. D.1",
        hardware="TPU v5p, a pod of 16 (Table 7)",
        expected=PERPLEXITIES[model],
    )


muddformer_405m, transformer_pp_405m = map(pile, PERPLEXITIES)
