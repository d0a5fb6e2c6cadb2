"""The training runs of a comparison: one for each design and seed, taken once, resumed if stopped.

OUT/transformer_pp+mudd.residual_streams_0.5M-3/ checkpoint.pt -> model.safetensors, result.json
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from zoo._io import read_json
from zoo.checkpoints.loading import read_safetensors
from zoo.claims.bench.designs import TEXT, Size, recipe_of, subject
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tokenizers import get_tokenizer
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.evaluation.ledger import Record
from zoo.evaluation.training_runs import RESULT, Scores, folder_of, take
from zoo.models._factory import create
from zoo.papers.protocols import SlidingWindowProtocol
from zoo.training import Recipe, Trainer

MADE_BY = "zoo bench residual-streams"
CHECKPOINT_EVERY = 50  # steps
WEIGHTS = "model.safetensors"  # in the folder of a run


class Run(NamedTuple):
    """A run of a plan."""

    number: int  # in the plan, from 1
    name: str  # of the design
    seed: int
    record: dict[str, Any] | None  # None: another process is at it


def train_all(
    names: Sequence[str], size: Size, seeds: Sequence[int], out: Path, *, quiet: bool = False
) -> Iterator[Run]:
    """Train every design with every seed; a finished run is read, an interrupted one resumes.

    All designs are trained with a seed before the next seed: an unfinished comparison has pairs.
    Several processes may share a folder: each takes runs that no other has taken.

    Args:
        names: of DESIGNS.
        size: budget, decoder and recipe.
        seeds: of weights and batches.
        out: folder of the runs.
        quiet: show no progress bar.

    Yields:
        Each run, when it is finished.

    Raises:
        ValueError: a design does not fit the budget, or a folder holds a run of another recipe.
        FloatingPointError: the loss of a run is not finite.
    """
    options: dict[str, Any] = {"quiet": quiet, "checkpoint_every": CHECKPOINT_EVERY}
    recipes = {name: recipe_of(name, size) for name in names}
    for number, (seed, name) in enumerate(product(seeds, names), 1):
        record = take(recipes[name], seed, out, MADE_BY, losses, model=subject(name), **options)
        yield Run(number, name, seed, record)


def tokens(recipe: Recipe) -> Any:
    """Return the token ids of the validation text."""
    objective: Any = recipe.objective
    texts: Any = BENCHMARKS[TEXT].open()
    return texts.tokens(get_tokenizer(objective.tokenizer))


def load(recipe: Recipe, weights: Path) -> Any:
    """Return a trained network, as its file has it: whatever a penalty has set is not in it."""
    network = create(recipe.model, **recipe.args)
    network.load_state_dict(read_safetensors(weights))
    return network.eval()


def losses(run: Trainer) -> dict[str, Scores]:
    """Return the scores of a finished run on the validation text, in float32."""
    network = load(run.recipe, run.out / WEIGHTS)
    protocol = SlidingWindowProtocol(context=network.context)
    evaluator = LanguageModelingEvaluator(network, tokens(run.recipe), protocol)
    return {TEXT: evaluate(evaluator, EvalConfig(eager=True), run.device.type)["scores"]}


def finished(out: Path, size: Size) -> list[Record]:
    """Return the records of the finished runs of a size in a folder, by seed."""
    records = [read_json(path) for path in sorted(out.glob(f"*.{size.tag}-*/{RESULT}"))]
    return sorted(records, key=lambda record: record["seed"])


def trained_weights(name: str, size: Size, out: Path) -> Path | None:
    """Return the weights of a design's first finished seed, or None."""
    runs = [record for record in finished(out, size) if record["model"] == subject(name)]
    if not runs:
        return None
    return folder_of(recipe_of(name, size), runs[0]["seed"], out) / WEIGHTS
