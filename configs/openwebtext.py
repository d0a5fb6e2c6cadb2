"""GPT-2 of 124M and the looped networks of 2409.14199 on OpenWebText, by nanoGPT's recipe.

The text of 2409.14199 was not read: that its networks were trained by config/train_gpt2.py is a
guess from its data and its names. Its baseline's 3.12 is that of OpenAI's weights, which nanoGPT's
README scores as they are; by this recipe it should reach about 2.85. nanoGPT's networks have
no biases, these have. DIR/openwebtext holds train.bin of its data/openwebtext/prepare.py.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.language_modeling import NextToken

QUOTED = "a table that was not seen"
LOSSES = {
    "gpt2": "a loss of about 2.85 after four or five days (README of nanoGPT)",
    "loop_gpt2_81m": f"loss 3.11 on openwebtext/validation ({QUOTED})",
    "loop_gpt2_45m": f"loss 3.67 on openwebtext/validation ({QUOTED})",
    "gpt2_45m_lite": f"loss 3.98 on openwebtext/validation ({QUOTED})",
}


def openwebtext(model: str) -> Recipe:
    """Return a recipe of 600,000 steps; five parts have twelve windows on each of eight GPUs."""
    return Recipe(
        name=f"{model}.openwebtext",
        model=model,
        dataset="openwebtext/train",
        objective=NextToken(tokenizer="gpt2", context=1024, steps=1000),
        epochs=600,
        batch_size=480,
        accumulate=5,
        lr=6e-4,
        clip=1.0,
        optimizer=partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.95)), 0.1),
        schedule=cosine(warmup=2_000 / 600_000, floor=0.1),
        precision="bf16",
        source="config/train_gpt2.py of nanoGPT, for the experiment of 2409.14199",
        hardware="eight A100 of 40 GB",
        expected=LOSSES[model],
    )


gpt2, loop_gpt2_81m, loop_gpt2_45m, gpt2_45m_lite = map(openwebtext, LOSSES)
