"""Two papers, two models or two weights beside each other.

names -> rows (what, left, right), in sections
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from zoo.claims.verdict import describe_claim
from zoo.evaluation.ledger import Record, queries
from zoo.models._catalog import Description, describe, list_models, list_papers
from zoo.models._registry import get_entry
from zoo.papers.records import Claim, Paper
from zoo.papers.weights import Weights


@dataclass(frozen=True)
class Row:
    """One thing of both sides."""

    section: str  # counts, claims, weights, measured or outputs
    what: str  # what is compared
    left: str  # of the first name; "" where it has none
    right: str  # of the second name; "" where it has none


def compare(left: str, right: str, records: Iterable[Record]) -> list[Row]:
    """Compare two papers, two models, or two weights ("arch.tag").

    Args:
        left: Name of a model or of weights, paper id or arXiv number.
        right: A name of the same kind.
        records: Of the ledgers.

    Raises:
        UnknownNameError: A name is of nothing.
        ValueError: One name is of a paper, the other is not.
    """
    papers = _paper(left), _paper(right)
    if papers[0] and papers[1]:
        return list(_papers(papers[0], papers[1]))
    if any(papers):
        paper, other = (left, right) if papers[0] else (right, left)
        raise ValueError(f"{paper} is a paper and {other} is none: compare two of a kind")
    sides = describe(left), describe(right)
    records = list(records)
    return [*_counts(sides), *_claims(sides), *_weights(sides), *_measured(sides, records)]


def _paper(name: str) -> Paper | None:
    """Return the paper of a name that is no model's."""
    return next(
        (p for p in list_papers() if name in (p.id, p.arxiv, p.arxiv.partition("v")[0])), None
    )


def _rows(section: str, left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[Row]:
    for what in dict.fromkeys([*left, *right]):
        yield Row(section, what, left.get(what, ""), right.get(what, ""))


def _papers(left: Paper, right: Paper) -> Iterator[Row]:
    from zoo.claims.check import verdicts_from_records
    from zoo.claims.tally import tally

    def summary(paper: Paper) -> dict[str, str]:
        return {
            "title": paper.title,
            "year": str(paper.year),
            "task": paper.task,
            "models": str(len(list_models(paper=paper.id))),
            "weights": str(len(paper.weights)),
            "deviations": str(len(paper.deviations)),
            "contradictions": str(len(paper.contradictions)),
        }

    def verdicts(paper: Paper) -> dict[str, str]:
        lines = (line.partition(": ") for line in tally(verdicts_from_records(paper.id)).lines())
        return {title or "claims": sums for title, _, sums in lines if sums}

    yield from _rows("papers", summary(left), summary(right))
    yield from _rows("verdicts", verdicts(left), verdicts(right))
    yield from _rows("claims", _best(left), _best(right))


def _best(paper: Paper) -> dict[str, str]:
    """Return the best printed number of each benchmark and metric."""
    from zoo.reporting.site.rows import falls

    best: dict[str, Claim] = {}
    for claim in paper.claims:
        if claim.kind == "measured" and claim.value is not None and not claim.variant:
            what = describe_claim(claim)[1]
            before = best.setdefault(what, claim)
            assert before.value is not None
            lower = claim.value < before.value
            if claim.value != before.value and lower == falls(claim.metric):
                best[what] = claim
    return {
        what: f"{describe_claim(claim)[2]} ({claim.model}, {claim.place})"
        for what, claim in best.items()
    }


def _counts(sides: Sequence[Description]) -> Iterator[Row]:
    def counts(d: Description) -> dict[str, str]:
        return {
            "parameters": f"{d.params:,}" if d.params is not None else "",
            "multiply-adds": f"{d.macs:,}" if d.macs is not None else "",
            "input": "x".join(map(str, d.input_size)),
            "task": get_entry(d.name.partition(".")[0]).task,
            "paper": f"{d.paper.title} ({d.paper.year})" if d.paper else "",
        }

    yield from _rows("counts", *map(counts, sides))


def _claims(sides: Sequence[Description]) -> Iterator[Row]:
    """Yield the printed numbers of both, by metric and benchmark; comparisons are left out."""

    def claims(d: Description) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for claim in d.claims:
            if not (claim.compares or claim.args or claim.variant):
                _, metric, value = describe_claim(claim)
                values.setdefault(metric, []).append(f"{value} ({claim.paper}, {claim.place})")
        return values

    left, right = map(claims, sides)
    for what in dict.fromkeys([*left, *right]):
        pairs = zip_longest(left.get(what, ()), right.get(what, ()), fillvalue="")
        yield from (Row("claims", what, a, b) for a, b in pairs)


def _weights(sides: Sequence[Description]) -> Iterator[Row]:
    def line(weights: Weights) -> str:
        scores = "; ".join(map(str, weights.reported)) or ", ".join(weights.benchmarks)
        return f"{weights.name}, {weights.license}, {weights.relation}: {scores}"

    left, right = ([line(weights) for weights in d.weights] for d in sides)
    for number, (a, b) in enumerate(zip_longest(left, right, fillvalue=""), 1):
        yield Row("weights", f"weights {number}", a, b)


def _measured(sides: Sequence[Description], records: Sequence[Record]) -> Iterator[Row]:
    """Yield the latest measurements of both, by benchmark and metric."""

    def scores(d: Description) -> dict[str, str]:
        names = [weights.name for weights in d.weights] or [d.name]
        chosen = queries.find(records, about=[names], kind="evaluation")
        values: dict[str, str] = {}
        for record in queries.latest_per_subject(chosen):
            for metric, score in record["scores"].items():
                what = f"{metric} on {record['benchmark']}"
                text = f"{score['value']:.4g} ({record['weights']})"
                values[what] = "; ".join(filter(None, (values.get(what, ""), text)))
        return values

    yield from _rows("measured", *map(scores, sides))
