"""Names -> the claims and weights that they ask for."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from glob import has_magic

from zoo.claims.matching import is_applicable
from zoo.models._catalog import validate_claims
from zoo.models._registry import UnknownNameError, get_entry, list_weights
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim, Paper
from zoo.papers.weights import Weights

Selection = list[tuple[Paper, list[Claim], list[Weights]]]


def select(names: Iterable[str] = ()) -> Selection:
    """Select claims and weights, paper by paper; all of them without names.

    Args:
        names: Models, weights, patterns of either, paper ids or arXiv numbers. Weights bring the
            measured claims that they may judge.

    Raises:
        UnknownNameError: If a name matches nothing.
        LookupError: If the named papers have neither claims nor weights.
    """
    validate_claims()
    requested = list(names)
    selection: Selection = []
    matched: set[str] = set()
    for paper in load_papers():
        whole = {paper.id, paper.arxiv, paper.arxiv.partition("v")[0]} & set(requested)
        known = _weights_for(paper)
        models = {claim.model for claim in paper.claims} | {w.name for w in known}
        hits = {n: {m for m in models if _matches(m, n)} for n in requested}
        matched |= whole | {name for name, names_hit in hits.items() if names_hit}
        chosen = models if whole or not requested else set().union(*hits.values())
        weights = [w for w in known if w.name in chosen]
        claims = [c for c in paper.claims if c.model in chosen or _judged_by_any(weights, c)]
        if claims or weights:
            selection.append((paper, claims, weights))
    for name in set(requested) - matched:
        if not has_magic(name):
            get_entry(name.partition(".")[0])
        raise UnknownNameError(f"no paper claims anything about {name!r}")
    if not selection:
        raise LookupError(
            f"nothing to check: paper.toml of {', '.join(requested)} has no claims and no weights"
        )
    return selection


def _weights_for(paper: Paper) -> list[Weights]:
    """Return a paper's weights, then those of other papers for the models of its claims."""
    models = sorted({claim.model for claim in paper.claims})
    weights = (w for model in models for w in list_weights(model))
    return [*paper.weights, *(w for w in weights if w.paper != paper.id)]


def _judged_by_any(weights: Iterable[Weights], claim: Claim) -> bool:
    return claim.kind == "measured" and any(
        w.model == claim.model and is_applicable(w, claim) for w in weights
    )


def _matches(model: str, pattern: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(model.partition(".")[0], pattern)
