"""Cards of training runs: several networks, one recipe, several seeds; weights not published.

published ledger, relative claims of papers -> model_cards/zoo_jpeg16.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from statistics import mean, stdev
from typing import Any

from zoo.claims.runs import judge_comparisons
from zoo.claims.verdict import Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import get_entry, stored_counts
from zoo.papers.loading import load_papers
from zoo.papers.records import UNITLESS, Paper
from zoo.reporting.cards.results import FORMS

Column = tuple[str, str]  # benchmark, metric


@dataclass(frozen=True)
class TrainingRuns:
    """The training runs of one recipe."""

    name: str  # the common part of their recipes' names, e.g. zoo_jpeg16
    records: Mapping[str, Record]  # by path in the checkout

    @cached_property
    def networks(self) -> dict[str, dict[str, Record]]:
        """{network: its runs by seed}, small networks first."""

        def order(item: tuple[str, Record]) -> tuple[int, str, int]:
            run = item[1]
            return params(run), run["model"], run["seed"]

        ordered = sorted(self.records.items(), key=order)
        groups = groupby(ordered, key=lambda item: item[1]["model"])
        return {model: dict(group) for model, group in groups}

    @cached_property
    def columns(self) -> list[Column]:
        """The scores of the runs; none if no score is one of all runs."""
        scored = [
            {(name, metric) for name, of in record["benchmarks"].items() for metric in of["scores"]}
            for record in self.records.values()
        ]
        return sorted(set.union(*scored)) if set.intersection(*scored) else []

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Verdicts on the comparisons that these runs decide."""
        runs, ids = list(_trainings().values()), {r["id"] for r in self.records.values()}
        judged = [judge_comparisons(paper, runs) for paper in load_papers()]
        return [v for verdicts in judged for v in verdicts.values() if ids & {*v.records}]

    @cached_property
    def papers(self) -> list[Paper]:
        """Papers whose claims these runs decide."""
        ids = {verdict.paper for verdict in self.verdicts}
        return [paper for paper in load_papers() if paper.id in ids]

    @property
    def protocols(self) -> list[str]:
        """Descriptions of the protocols that the runs followed."""
        claims = [verdict.claim for verdict in self.verdicts if verdict.claim]
        papers = {paper.id: paper.protocols for paper in self.papers}
        return list(dict.fromkeys(papers[claim.paper][claim.protocol] for claim in claims))

    def each(self, key: str) -> str:
        """Return the values of a key of the records, or "not recorded"."""
        values = {record[key] for record in self.records.values() if key in record}
        return ", ".join(map(str, sorted(values))) or "not recorded"


def kinds() -> list[TrainingRuns]:
    """Return the training runs of the published ledger, grouped by recipe.

    Runs of which each has a data set of its own have no score in common, and no card.
    """
    groups: dict[str, dict[str, Record]] = {}
    for path, record in _trainings().items():
        groups.setdefault(record["recipe"].partition(".")[2], {})[path] = record
    kinds = [TrainingRuns(name, records) for name, records in sorted(groups.items())]
    return [kind for kind in kinds if kind.columns]


def _trainings() -> dict[str, Record]:
    published = ledger.published()
    every = zip(published.paths, published.records(), strict=True)
    return {f"eval/results/{p.name}": r for p, r in every if r["kind"] == "training"}


def params(run: Record) -> int:
    """Return the parameters of the network that was trained; of an older record, by default."""
    recorded = run.get("params")
    return recorded or stored_counts(get_entry(run["model"]))["params"]


def format_params(runs: Sequence[Record]) -> str:
    """Format the parameters of a network's runs: 499,600; of older records 499,600 by default."""
    counts = sorted({f"{params(run):,}{'' if 'params' in run else ' by default'}" for run in runs})
    return ", ".join(counts)


def format_loss(run: Record) -> str:
    """Format the loss of the last epoch, e.g. 0.2371; "none" of a readout that was solved for."""
    loss = run["history"][-1].get("loss")
    return "none" if loss is None else f"{loss:.4f}"


def format_scores(records: Sequence[Record], column: Column) -> str:
    """Format a score, e.g. 48.09 %; of several seeds mean and deviation, 48.09 % ± 0.71.

    Return "" if no run has it.
    """
    benchmark, metric = column
    scores = [r["benchmarks"][benchmark]["scores"] for r in records if benchmark in r["benchmarks"]]
    values: list[Any] = [of[metric]["value"] for of in scores if metric in of]
    if not values:
        return ""
    form = FORMS.get(metric, "{:.4f}" if metric in UNITLESS else "{:.2f} %")
    if metric == "loss" and BENCHMARKS[benchmark].task == "density-estimation":
        form = "{:.4f} nats"
    average = form.format(mean(values))
    return f"{average} ± {form.format(stdev(values)).split()[0]}" if values[1:] else average
