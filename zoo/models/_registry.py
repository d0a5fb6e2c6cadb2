"""Model names and what they stand for.

"wrn28_10.tag" -> ModelEntry(target, args, cfg, task), Weights

Families register their names in `__init__.py` as plain data: listing them loads no torch.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from zoo._io import read_json
from zoo.papers.loading import load_papers
from zoo.papers.records import Paper
from zoo.papers.weights import MODELS_DIR, RELATIONS, Weights


class UnknownNameError(KeyError):
    """An unregistered name; the message lists the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class ModelEntry:
    """A registered model name."""

    name: str
    target: str  # the class, as "package.module:Class"
    args: Mapping[str, Any]  # its keyword arguments
    cfg: Mapping[str, Any]  # timm's pretrained_cfg without weights
    task: str  # a name in zoo.evaluation.tasks

    @property
    def is_classifier(self) -> bool:
        """True if the network keeps timm's contract of an image classifier."""
        return "num_classes" in self.cfg

    @property
    def is_language_model(self) -> bool:
        """True if the network maps token ids to logits of the next token."""
        return self.task == "language-modeling"

    @property
    def family(self) -> str:
        """The package of the model family, such as zoo.models.resnet."""
        return self.target.partition(":")[0].rpartition(".")[0]


_entries: dict[str, ModelEntry] = {}


def register_models(
    target: str, models: Mapping[str, Mapping[str, Any]], cfg: Mapping[str, Any], *, task: str
) -> None:
    """Register names for a class.

    Args:
        target: The class, as "package.module:Class".
        models: {name: keyword arguments of the class}.
        cfg: timm's pretrained_cfg entries (see zoo.models._cfgs).
        task: What the networks do, by its name in zoo.evaluation.tasks.

    Raises:
        ValueError: A name is registered with another target or other arguments.
    """
    for name, args in models.items():
        entry = ModelEntry(name, target, dict(args), dict(cfg), task)
        other = _entries.setdefault(name, entry)
        if other != entry:
            raise ValueError(
                f"{name!r} is {other.target} already; {target} needs a name of its own"
            )


@cache
def _load_families() -> None:
    import zoo.models

    for module in pkgutil.iter_modules(zoo.models.__path__, "zoo.models."):
        if module.ispkg:
            importlib.import_module(module.name)


def model_entries() -> dict[str, ModelEntry]:
    """Return all entries by name: families in alphabetical order, names as registered."""
    _load_families()
    return dict(_entries)


def suggest(name: str, names: list[str]) -> str:
    """Return the three nearest names, for an error message."""
    return ", ".join(difflib.get_close_matches(name, names, 3, cutoff=0.0))


def get_entry(name: str) -> ModelEntry:
    """Return the entry of a name without tag. Raises UnknownNameError."""
    entries = model_entries()
    if name not in entries:
        raise UnknownNameError(
            f"no model is called {name!r}; the nearest are {suggest(name, list(entries))}"
        )
    return entries[name]


def parse_name(name: str) -> tuple[ModelEntry, Weights | None]:
    """Split "arch" or "arch.tag" into its entry and weights. Raises UnknownNameError."""
    architecture, _, tag = name.partition(".")
    entry = get_entry(architecture)
    if not tag:
        return entry, None
    weights = {w.tag: w for w in list_weights(architecture)}
    if tag in weights:
        return entry, weights[tag]
    names = ", ".join(w.name for w in weights.values()) or "none"
    raise UnknownNameError(f"{architecture} has no weights called {tag!r}; it has: {names}")


def list_weights(architecture: str) -> list[Weights]:
    """Return the weights of an architecture: the default first, restricted licenses last.

    The order is the rule by which a bare name takes its weights, nearest to the paper first:

    1. a permissive license, since the others have to be asked for by their tag;
    2. the relation to the paper: official, port, same recipe, another recipe;
    3. the data: weights for the benchmark that the paper reports first of this architecture, or
       else of any of its own;
    4. a published sum, without which a file at a url is taken by `--trust` alone;
    5. the order of the lists: paper.toml, timm's, and the other providers' by preference.
    """
    weights = [w for paper in load_papers() for w in paper.weights_by_model.get(architecture, ())]
    first = _first_benchmark(architecture) if len(weights) > 1 else ""
    return sorted(
        weights,
        key=lambda w: (
            not w.permissive,
            RELATIONS.index(w.relation),
            first not in w.benchmarks,
            bool(w.url) and not w.sum,
        ),
    )


def _first_benchmark(architecture: str) -> str:
    """Return the benchmark that the paper reports first of an architecture, or else of any."""
    paper = paper_of(get_entry(architecture))
    measured = [c for c in paper.claims if c.kind == "measured"] if paper else []
    own = (c.benchmark for c in measured if c.model == architecture and not c.variant)
    return next(own, measured[0].benchmark if measured else "")


def default_weights(architecture: str) -> Weights:
    """Return the weights that an architecture's bare name stands for.

    Raises:
        LookupError: It has no weights, or none with a permissive license: those have to be asked
            for by their tag.
    """
    weights = list_weights(architecture)
    if weights and weights[0].permissive:
        return weights[0]
    if weights:
        names = ", ".join(f"{w.name} (license: {w.license})" for w in weights)
        raise LookupError(
            f"{architecture} has no default weights, because none are free for any use; if their "
            f"license suits you, name one of: {names}"
        )
    task = get_entry(architecture).task
    trained = [
        name
        for name, entry in model_entries().items()
        if entry.task == task and any(w.permissive for w in list_weights(name))
    ]
    nearest = f"the nearest that have are {suggest(architecture, trained)}"
    raise LookupError(
        f"{architecture} has no weights; {nearest if trained else f'nor has another for {task}'}"
    )


def stored_counts(entry: ModelEntry) -> dict[str, int]:
    """Return the counts stored in the family's counts.json, which need no torch."""
    paper = paper_of(entry)
    return dict(counts_of(paper.id).get(entry.name, {})) if paper else {}


def counts_of(paper: str) -> Mapping[str, Any]:
    """Return a paper's counts.json, read again if it has changed; empty without the file."""
    path = MODELS_DIR / paper / "counts.json"
    return _read_counts(path, path.stat().st_mtime_ns) if path.is_file() else {}


@cache
def _read_counts(path: Path, mtime_ns: int) -> dict[str, Any]:
    counts: dict[str, Any] = read_json(path)
    return counts


def paper_of(entry: ModelEntry) -> Paper | None:
    """Return the paper of an entry's family; None for models registered outside the zoo."""
    family = entry.family
    return next((p for p in load_papers() if family == f"zoo.models.{p.id}"), None)
