"""Names -> networks. The only file that knows how a model is made.

"wrn28_10.tag" -> Variant(target, args, cfg) -> module -> pinned weights

Rooms register their names in `__init__.py`, as plain data: listing them loads no torch.
"""

import difflib
import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.papers.loading import load_papers
from zoo.papers.records import Paper
from zoo.papers.weights import MODELS_DIR, Weights

if TYPE_CHECKING:
    pass


MARKS = {"num_classes": "image-classification", "vocab_size": "language-modeling"}  # of a cfg


class UnknownNameError(KeyError):
    """A name that nothing is registered under; the message has the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class ModelEntry:
    """One name: the class that makes it ("package.module:Class"), its arguments, timm's cfg, and
    what it does, one of zoo.evaluation.tasks (told by its cfg, if that does)."""

    name: str
    target: str
    args: Mapping[str, Any]
    cfg: Mapping[str, Any]
    task: str = ""

    def __post_init__(self) -> None:
        known = (task for mark, task in MARKS.items() if mark in self.cfg)
        object.__setattr__(self, "task", self.task or next(known, "super-resolution"))

    @property
    def is_classifier(self) -> bool:
        """Whether it is an image classifier, which keeps timm's contract."""
        return "num_classes" in self.cfg

    @property
    def is_language_model(self) -> bool:
        """Whether it takes token ids and gives logits of the next."""
        return "vocab_size" in self.cfg

    @property
    def family(self) -> str:
        """The room's package, e.g. zoo.models.resnet."""
        return self.target.partition(":")[0].rpartition(".")[0]


_variants: dict[str, ModelEntry] = {}


def register_models(
    target: str,
    variants: Mapping[str, Mapping[str, Any]],
    cfg: Mapping[str, Any],
    task: str = "",
) -> None:
    """Gives each name in `variants` to the class `target` ("package.module:Class") with its
    arguments; see Variant for `task`. Raises ValueError when a name is taken by another target or
    other arguments."""
    for name, args in variants.items():
        variant = ModelEntry(name, target, dict(args), dict(cfg), task)
        other = _variants.setdefault(name, variant)
        if other != variant:
            raise ValueError(
                f"{name!r} is {other.target} already; {target} needs a name of its own"
            )


@cache
def _load_families() -> None:
    import zoo.models

    for module in pkgutil.iter_modules(zoo.models.__path__, "zoo.models."):
        if module.ispkg:  # machinery beside the families is in files
            importlib.import_module(module.name)


def model_entries() -> dict[str, ModelEntry]:
    """All names, rooms in alphabetical order, names within a room as registered."""
    _load_families()
    return dict(_variants)


def suggest(name: str, names: list[str]) -> str:
    """The three names that look most like `name`, for an error message."""
    return ", ".join(difflib.get_close_matches(name, names, 3, cutoff=0.0))


def get_entry(name: str) -> ModelEntry:
    """The entry of `name` (no tag). Raises UnknownNameError with the three nearest names."""
    known = model_entries()
    if name not in known:
        raise UnknownNameError(
            f"no model is called {name!r}; the nearest are {suggest(name, list(known))}"
        )
    return known[name]


def parse_name(name: str) -> tuple[ModelEntry, Weights | None]:
    """The entry of "arch" or "arch.tag", and the weights of that tag (None without a tag).

    Raises UnknownNameError for either, with what there is.
    """
    architecture, _, tag = name.partition(".")
    entry = get_entry(architecture)
    if not tag:
        return entry, None
    known = list_weights(architecture)
    if found := [weights for weights in known if weights.tag == tag]:
        return entry, found[0]
    have = ", ".join(weights.name for weights in known) or "none"
    raise UnknownNameError(f"{architecture} has no weights called {tag!r}; it has: {have}")


def list_weights(architecture: str) -> list[Weights]:
    """All weights of an architecture, the default first, those that not everyone may use last."""
    known = [w for p in load_papers() for w in p.weights if w.model == architecture]
    return sorted(known, key=lambda weights: not weights.permissive)


def default_weights(architecture: str) -> Weights:
    """What the bare name of an architecture stands for. Raises LookupError if it has no weights,
    or none whose license lets everyone use them: those have to be asked for by their tag."""
    known = list_weights(architecture)
    if known and known[0].permissive:
        return known[0]
    if known:
        have = ", ".join(f"{w.name} (license: {w.license})" for w in known)
        raise LookupError(
            f"{architecture} has no default weights, because none are free for any use; if their "
            f"license suits you, name one of: {have}"
        )
    others = [name for name in model_entries() if any(w.permissive for w in list_weights(name))]
    raise LookupError(
        f"{architecture} has no weights; the nearest that have are {suggest(architecture, others)}"
    )


def stored_counts(entry: ModelEntry) -> dict[str, int]:
    """Counts as eval/counts.py wrote them down, so that showing them needs no torch."""
    paper = paper_of(entry)
    path = MODELS_DIR / (paper.id if paper else "") / "counts.json"
    counts: Any = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return dict(counts.get(entry.name, {}))


def paper_of(entry: ModelEntry) -> Paper | None:
    """The paper of an entry's room, if it has one."""
    return next((p for p in load_papers() if entry.family == f"zoo.models.{p.id}"), None)
