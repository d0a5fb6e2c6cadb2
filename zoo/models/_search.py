"""Search of the catalog: words, sizes, and what weights are there by which license."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from zoo.models._catalog import Description, datasets_of, describe, list_models
from zoo.models._registry import list_weights, model_entries, paper_of, stored_counts
from zoo.papers.weights import Weights

PERMISSIVE = "permissive"  # license that stands for all that allow commercial use


@dataclass(frozen=True, kw_only=True)
class Match:
    """A model that fits a search."""

    description: Description
    weights: tuple[Weights, ...]  # those that fit, the default first


def search(
    text: str = "",
    *,
    paper: str = "",
    task: str = "",
    dataset: str = "",
    min_params: int = 0,
    max_params: int | None = None,
    max_macs: int | None = None,
    license: str = "",
    has_weights: bool = False,
) -> list[Match]:
    """Return the models that match every word and filter, those whose name has the words first.

    Args:
        text: Words, each in a model's name, task, weights or paper (title, authors, year, arXiv
            number); "" for all. A name may be as papers print it: WRN-28-10 is wrn28_10.
        paper: Name of a model family, or arXiv number; "" for all.
        task: What the models do, such as "super-resolution"; "" for all.
        dataset: Data set of a claim or of weights; with `license` or `has_weights`, of weights.
        min_params: Parameters at least.
        max_params: Parameters at most; None for any number.
        max_macs: Multiply-adds at most, at the model's own input size; None for any number.
        license: Shell pattern of the weights' license, or "permissive" (commercial use); "" for
            all.
        has_weights: Only models with weights.

    Example:
        >>> import zoo
        >>> matches = zoo.search("zagoruyko", max_params=200_000)
        >>> print(*(match.description.name for match in matches))
        wrn16_1
    """
    words = text.lower().split()
    matches = []
    for name in list_models(paper=paper, task=task, dataset=dataset):
        counts = stored_counts(model_entries()[name])
        if not _is_within(counts.get("params"), min_params, max_params):
            continue
        if not _is_within(counts.get("macs"), 0, max_macs):
            continue
        if not all(word in _text(name) or _is_part(word, name) for word in words):
            continue
        weights = tuple(w for w in list_weights(name) if _is_usable(w, license, dataset))
        if weights or not (license or has_weights):
            matches.append(Match(description=describe(name), weights=weights))
    return sorted(matches, key=lambda match: _rank(match.description.name, words))


def _is_within(count: int | None, least: int, most: int | None) -> bool:
    """True if a count is in a range; an unknown one only if the range is open."""
    if count is None:
        return not least and most is None
    return least <= count and (most is None or count <= most)


def _text(name: str) -> str:
    """Return all that words are looked for in."""
    entry = model_entries()[name]
    parts: list[object] = [name, entry.task, *(weights.name for weights in list_weights(name))]
    if paper := paper_of(entry):
        parts += [paper.id, paper.title, *paper.authors, paper.year, paper.arxiv]
    return " ".join(map(str, parts)).lower()


def _is_part(word: str, name: str) -> bool:
    """True if a word is in a name, whatever stands between their letters and digits."""
    return _plain(word) in _plain(name)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower()) or text


def _is_usable(weights: Weights, license: str, dataset: str) -> bool:
    is_for = dataset in ("", *datasets_of(weights.benchmarks))
    if license == PERMISSIVE:
        return is_for and weights.permissive
    return is_for and fnmatchcase(weights.license, license or "*")


def _rank(name: str, words: Iterable[str]) -> int:
    """Return 0 for a name that is a word, then those that begin with one, that have one, others."""
    plain = _plain(name)
    words = map(_plain, words)
    ranks = ((plain != word, not plain.startswith(word), word not in plain) for word in words)
    return min((sum(rank) for rank in ranks), default=0)
