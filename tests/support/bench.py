"""A comparison of residual streams that takes seconds, and its records without training."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.claims.bench.designs import SIZES, TEXT, Size, fit, subject
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.ledger import Record
from zoo.training.language_modeling import NextToken

TINY, LONGER = (
    Size(
        name=f"{epochs * steps}-steps",
        params=20_000,
        layers=2,
        width=16,
        heads=2,
        recipe={
            "epochs": epochs,
            "batch_size": 2,
            "objective": NextToken(context=32, steps=steps),
        },
    )
    for epochs, steps in ((1, 3), (6, 25))
)
SMALL_SIZES = {size.name: size for size in (TINY, LONGER)}


def training(name: str, size: Size, losses: Mapping[int, float], **fields: Any) -> list[Record]:
    """Records of finished runs of a design: {seed: loss}."""
    version = BENCHMARKS[TEXT].version
    return [
        {
            "kind": "training",
            "model": subject(name),
            "recipe": f"{subject(name)}.{size.tag}",
            "seed": seed,
            "device": "x86_64",
            "precision": "fp32",
            "benchmarks": {TEXT: {"version": version, "scores": {"loss": {"value": loss}}}},
            **fields,
        }
        for seed, loss in losses.items()
    ]


def speed(names: Sequence[str], size: Size) -> Record:
    """The record of rounds: each design half as fast as the one before."""
    rows = [
        {
            "model": subject(name),
            "who": name,
            "params": fit(name, size).params,
            "bytes": (i + 1) * 2**20,
            "training": {"tokens_per_second": 1000 / 2**i, "ratio": 1 / 2**i},
            "generation": {
                "tokens_per_second": 100 / 2**i,
                "ratio": 1 / 2**i,
                "interval": [0.9 / 2**i, 1.1 / 2**i],
            },
        }
        for i, name in enumerate(names)
    ]
    return {"kind": "speed", "what": size.tag, "rows": rows, "rounds": 6}


if __name__ == "__main__":  # the command, with these sizes beside the others
    from zoo.cli import main

    SIZES.update(SMALL_SIZES)
    main()
