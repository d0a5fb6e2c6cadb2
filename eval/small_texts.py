"""Try MUDD connections (2502.12170) and loops (2409.14199) on language models of 0.5 M parameters.

    python -m eval.small_texts [--models NAME...] [--seeds 0 1 2 3 4] [--write]

Trains those of configs/language.py on the same batches, and records the loss on the validation
text. A finished run is not repeated; an interrupted one resumes. With --write, the runs are added
to the published ledger, eval/results, which `zoo check` reads.
"""

import argparse
from pathlib import Path
from typing import Any

from configs import language
from eval import seeds
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tokenizers import get_tokenizer
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.papers.protocols import SlidingWindowProtocol
from zoo.training import Trainer

RUNS = Path("runs/small_texts")
TEXT = "peps_mini/validation"


def losses(run: Trainer) -> dict[str, seeds.Scores]:
    """Return the loss on the validation text, in float32."""
    network: Any = run.network
    texts: Any = BENCHMARKS[TEXT].open()
    protocol = SlidingWindowProtocol(context=network.context)
    tokens = texts.tokens(get_tokenizer("bytes"))
    loss = evaluate(LanguageModelingEvaluator(network, tokens, protocol))["scores"]["loss"]
    return {TEXT: {"loss": {key: loss[key] for key in ("value", "count", "total")}}}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=language.MODELS, default=language.MODELS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    runs = [
        seeds.train_or_load(
            language.nano(model), seed, RUNS / f"{model}-{seed}", "eval/small_texts.py", losses
        )
        for seed in options.seeds
        for model in options.models
    ]
    for run in runs:
        loss = seeds.value(run, TEXT, "loss")
        print(f"{run['model']} {run['seed']}: {loss:.4f} nats, {run['seconds']} s")
    if options.write:
        seeds.publish(runs)


if __name__ == "__main__":
    main()
