"""Do MUDD connections (2502.12170) and loops (2409.14199) help language models of 0.5 M parameters?

    python -m eval.small_texts [--models NAME...] [--seeds 0 1 2] [--write]

Trains those of configs/language.py on the same batches, and asks for the loss on the text that was
held back. A run that is done is not repeated; one that was interrupted goes on. With --write, the
runs go into the published ledger, eval/results, which `zoo check` reads.
"""

import argparse
from pathlib import Path
from typing import Any

from configs import language
from eval import seeds
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tokenizers import get_tokenizer
from zoo.evaluation.evaluators.language_modeling import total_nll
from zoo.papers.protocols import SlidingWindowProtocol
from zoo.training import Trainer

RUNS = Path("runs/small_texts")
TEXT = "peps_mini/validation"


def losses(run: Trainer) -> dict[str, seeds.Scores]:
    """The loss on the text that was held back; in float32."""
    network: Any = run.network
    texts: Any = BENCHMARKS[TEXT].open()
    how = SlidingWindowProtocol(context=network.context)
    found = total_nll(network, texts.tokens(get_tokenizer("bytes")), how)
    loss = found.scores(0)["loss"]
    return {TEXT: {"loss": {"value": loss, "count": found.nats, "total": found.tokens}}}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=language.MODELS, default=language.MODELS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    runs = [
        seeds.result(
            language.nano(model), seed, RUNS / f"{model}-{seed}", "eval/small_texts.py", losses
        )
        for seed in options.seeds
        for model in options.models
    ]
    for run in runs:
        loss = seeds.value(run, TEXT, "loss")
        print(f"{run['model']} {run['seed']}: {loss:.4f} nats, {run['seconds']} s")
    if options.write:
        seeds.record(runs)


if __name__ == "__main__":
    main()
