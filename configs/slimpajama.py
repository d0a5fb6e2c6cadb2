"""ResFormer, SVFormer and their transformer of 82M on 20B tokens of SlimPajama: 2410.17897.

Table 4 of version 1 and the authors' scripts (scripts/run_llama_*_82M.sh): 10,000 steps of 1,024
windows of 2,048 tokens, by GPT-NeoX's tokenizer, half of them of CommonCrawl, a fifth of C4, a
tenth of GitHub, a twentieth each of books, arXiv, Wikipedia and StackExchange (src_data/). Weight
decay spares the norms. DIR/slimpajama holds train.bin, ids in 16 bits each, or parquet files of
texts.
"""

from functools import partial

from torch.optim import AdamW

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.language_modeling import NextToken

QUOTED = "version 5"
LOSSES = {
    "transformer_82m": "loss 2.7389 on slimpajama/validation (version 1, Table 5)",
    "resformer_82m": "loss 2.7117 on slimpajama/validation (version 1, Table 5)",
    "resformer_constant_82m": f"loss 2.700 on slimpajama/validation ({QUOTED})",
    "resformer_sparse_82m": f"loss 2.687 on slimpajama/validation ({QUOTED})",
    "resformer_learnable_82m": f"loss 2.705 on slimpajama/validation ({QUOTED})",
    "resformer_learnable_plus_82m": f"loss 2.681 on slimpajama/validation ({QUOTED})",
    "svformer_82m": "more than the transformer's (abstract); its number is not known",
}


def slimpajama(model: str) -> Recipe:
    """Return a recipe; a batch has 32 parts, four on each of eight GPUs."""
    return Recipe(
        name=f"{model}.slimpajama",
        model=model,
        dataset="slimpajama/train",
        objective=NextToken(tokenizer="neox", context=2048, steps=100),
        epochs=100,
        batch_size=1024,
        accumulate=32,
        lr=6e-4,
        clip=1.0,
        optimizer=partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.95), eps=1e-8), 0.1),
        schedule=cosine(warmup=0.012, floor=0.1, first=1e-7 / 6e-4),
        precision="bf16",
        source="2410.17897 version 1 Table 4, and the authors' scripts",
        hardware="eight GPUs (Table 3 of version 1)",
        expected=LOSSES[model],
    )


transformer_82m, resformer_82m, resformer_constant_82m, resformer_sparse_82m = map(
    slimpajama, list(LOSSES)[:4]
)
resformer_learnable_82m, resformer_learnable_plus_82m, svformer_82m = map(
    slimpajama, list(LOSSES)[4:]
)
