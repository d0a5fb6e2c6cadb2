"""Cards of runs of training, whose weights are described and not published: several networks, by
one recipe and several seeds.

published ledger, relative claims of papers -> model_cards/zoo_jpeg16.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from statistics import mean, stdev
from typing import Any

from zoo.claims import judge
from zoo.claims.verdict import Verdict, paired
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import get_entry, stored_counts
from zoo.papers.loading import load_papers
from zoo.papers.records import Contradiction, Deviation, Paper
from zoo.reporting.cards.results import FORMS

Column = tuple[str, str]  # benchmark, metric


@dataclass(frozen=True)
class TrainingRuns:
    """The runs of one kind, {path in the checkout: record}; `name` is what the names of their
    recipes have in common."""

    name: str
    records: Mapping[str, Record]

    @cached_property
    def networks(self) -> dict[str, dict[str, Record]]:
        """{network: its runs, ordered by seed}, those with fewer parameters first."""

        def order(of: tuple[str, Record]) -> tuple[int, str, int]:
            return params(of[1]["model"]), of[1]["model"], of[1]["seed"]

        ordered = sorted(self.records.items(), key=order)
        return {m: dict(of) for m, of in groupby(ordered, key=lambda of: of[1]["model"])}

    @cached_property
    def columns(self) -> list[Column]:
        """What was measured of every run."""
        scored = [
            {(name, metric) for name, of in record["benchmarks"].items() for metric in of["scores"]}
            for record in self.records.values()
        ]
        return sorted(set.intersection(*scored))

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Those on the relative claims that these runs decide."""
        runs = list(_trainings().values())
        found = []
        for claim in (claim for paper in load_papers() for claim in paper.claims):
            if claim.kind == "relative" and not (claim.formula or claim.variant):
                kind, pairs = paired(claim, runs)
                if kind == self.name and len(pairs) > 1:
                    found.append(judge.relative(claim, runs, now=False))
        return found

    @cached_property
    def papers(self) -> list[Paper]:
        """Those whose claims are tried."""
        tried = {verdict.paper for verdict in self.verdicts}
        return [paper for paper in load_papers() if paper.id in tried]

    @property
    def protocols(self) -> list[str]:
        """What the papers' rooms say of how the runs were made, each once."""
        claims = [verdict.claim for verdict in self.verdicts if verdict.claim]
        papers = {paper.id: paper.protocols for paper in self.papers}
        return list(dict.fromkeys(papers[claim.paper][claim.protocol] for claim in claims))

    @property
    def explanations(self) -> list[Deviation | Contradiction]:
        """What explains a miss."""
        named = {(verdict.paper, verdict.explained_by) for verdict in self.verdicts}
        found: list[Deviation | Contradiction] = []
        for paper in self.papers:
            found += [d for d in paper.deviations if (paper.id, d.id) in named]
            found += [c for c in paper.contradictions if (paper.id, c.id) in named]
        return found

    def each(self, key: str) -> str:
        """The values of a key of the records, each once; "not recorded" if none has it."""
        found = {record[key] for record in self.records.values() if key in record}
        return ", ".join(map(str, sorted(found))) or "not recorded"


def kinds() -> list[TrainingRuns]:
    """All runs of training of the published ledger."""
    found: dict[str, dict[str, Record]] = {}
    for path, record in _trainings().items():
        found.setdefault(record["recipe"].partition(".")[2], {})[path] = record
    return [TrainingRuns(name, records) for name, records in sorted(found.items())]


def _trainings() -> dict[str, Record]:
    published = ledger.published()
    every = zip(published.paths, published.records(), strict=True)
    return {f"eval/results/{p.name}": r for p, r in every if r["kind"] == "training"}


def params(model: str) -> int:
    """The parameters of a network, as they were counted."""
    return stored_counts(get_entry(model))["params"]


def shown(records: Sequence[Record], column: Column) -> str:
    """48.09 %; of several seeds the mean and the standard deviation, 48.09 % ± 0.71."""
    benchmark, metric = column
    values: list[Any] = [r["benchmarks"][benchmark]["scores"][metric]["value"] for r in records]
    form = FORMS.get(metric, "{:.2f} %")
    told = form.format(mean(values))
    return f"{told} ± {form.format(stdev(values)).split()[0]}" if values[1:] else told
