"""Tables of claims, weights and verdicts, as the commands print them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from zoo.claims.tally import tally
from zoo.claims.verdict import Status, Verdict, describe_claim
from zoo.models._catalog import Description, list_papers

if TYPE_CHECKING:
    from zoo.claims.downloads import Download
    from zoo.claims.plan import PlannedEval
    from zoo.evaluation.spec import EvalSpec

REASONS_SHOWN = 8  # for not running claims of a paper, one by one
UNWRAPPED = 10_000  # columns of output that is no terminal
STYLES = {
    Status.REPRODUCED: "green",
    Status.NOT_REPRODUCED: "red",
    Status.EXCEEDS_REPORTED: "magenta",
    Status.SUPPORTS: "green",
    Status.CONTRADICTS: "red",
    Status.INCONCLUSIVE: "yellow",
}


def make_console() -> Console:
    """Return a console that does not wrap lines when its output is piped."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNWRAPPED
    return console


def claims(d: Description) -> Table:
    """Tabulate what all papers claim about a model; other papers than its own are named."""
    table = Table("claim", "where", "aggregation", title="what papers claim", title_justify="left")
    for claim in d.claims:
        model, metric, claimed = describe_claim(claim)
        own = d.paper is not None and claim.paper == d.paper.id
        where = claim.place if own else f"{claim.paper}: {claim.place}"
        table.add_row(escape(f"{model}: {metric} {claimed}"), escape(where), claim.aggregation)
    return table


def context(d: Description) -> Table:
    """Tabulate what papers claim about the nearest variants of a model."""
    title = "what papers claim about its nearest variants: context, judged for those alone"
    table = Table("claim", "where", "what differs here", title=title, title_justify="left")
    for near, claim in d.context:
        model, metric, claimed = describe_claim(claim)
        where = f"{claim.place}, {claim.protocol}"
        table.add_row(escape(f"{model}: {metric} {claimed}"), escape(where), escape(near.differs))
    return table


def weights(d: Description) -> Table:
    """Tabulate a model's weights: source, license, relation to the paper, reported accuracy."""
    table = Table(title="weights, the default first", title_justify="left")
    for title in ("weights", "where", "license", "to the paper", "reported by the provider"):
        table.add_column(title, overflow="fold")
    for w in d.weights:
        pinned = "" if w.sha256 else ", not pinned"
        reported = [str(scores) for scores in w.reported]
        table.add_row(
            f"[bold]{w.name}[/]",
            escape(f"{w.repo}{pinned}" if w.repo else w.url or f"bundled: {w.origin}"),
            w.license + ("" if w.permissive else " (only by its tag)"),
            escape(w.relation if len(d.weights) > 1 else f"{w.relation}: {w.note}"),
            "\n".join(reported) or ", ".join(w.benchmarks),
        )
    return table


def report(rows: Sequence[Verdict], show_all: bool, out: Console) -> None:
    """Print verdicts by paper, explanations of misses, reasons for not running, then sums."""
    titles = {
        p.id: f"{p.title} ({f'arXiv:{p.arxiv}' if p.arxiv else p.year})" for p in list_papers()
    }
    for paper in dict.fromkeys(row.paper for row in rows):
        of_paper = [row for row in rows if row.paper == paper]
        visible = [row for row in of_paper if row.status != Status.NOT_RUN or show_all]
        out.print(f"\n[bold]{escape(titles[paper])}[/]")
        if visible:
            _print_verdicts(visible, out)
        explanations = {row.explained_by: row.why for row in of_paper if row.explained_by}
        for record, what in explanations.items():
            out.print(f"  {record}: [dim]{escape(what)}[/]")
        if not show_all:
            _print_skipped(of_paper, out)
    out.print("\n" + "\n".join(tally(rows).lines()), highlight=False)
    if not show_all and any(row.status == Status.NOT_RUN for row in rows):
        out.print("[dim]--all prints each number that was not run[/]")


def _print_skipped(rows: Sequence[Verdict], out: Console) -> None:
    skipped = Counter(row.why for row in rows if row.status == Status.NOT_RUN)
    named = skipped.most_common(REASONS_SHOWN)
    for why, number in named:
        out.print(f"  [dim]not run, {number}: {escape(why)}[/]")
    if rest := skipped.total() - sum(number for _, number in named):
        out.print(f"  [dim]not run, {rest}: as these, or for other reasons[/]")


def plan(steps: "Sequence[PlannedEval]", seconds: "Mapping[EvalSpec, float]", out: Console) -> None:
    """Print what will be measured and for how long; what will not, and why."""
    to_do = [step.spec for step in steps if step.to_do]
    if to_do:
        total = duration(sum(seconds.values()))
        table = Table("to measure", "on", "about", title=f"plan: {len(to_do)}, in about {total}")
        for spec in to_do:
            table.add_row(spec.name, spec.benchmark, duration(seconds[spec]))
        out.print(table)
    own = sum(step.own for step in steps)
    published = sum(bool(step.record) for step in steps) - own
    skipped = Counter(str(step.not_run) for step in steps if step.not_run)
    sums = (
        f"{len(to_do)} to measure, {own} measured before (--rerun repeats), {published} published "
        f"and not possible here, {skipped.total()} not possible{':' if skipped else ''}"
    )
    out.print(f"plan: {sums if steps else 'nothing to measure'}", highlight=False)
    for why, number in skipped.most_common(REASONS_SHOWN):
        out.print(f"  [dim]{number}: {escape(why)}[/]")
    if len(skipped) > REASONS_SHOWN:
        out.print(f"  [dim]and {len(skipped) - REASONS_SHOWN} reasons like these[/]")


def downloads(planned: "Sequence[Download]", out: Console) -> None:
    """Print what will be downloaded, for which benchmarks, how large it is and by which license."""
    if not planned:
        out.print("nothing to download for what can be measured here")
        return
    table = Table("to download", "size", "license", "to measure", "in about", "from")
    for each in planned:
        size = f"{'' if each.is_exact else 'about '}{each.bytes / 1e6:,.1f} MB"
        benchmarks = ", ".join(each.benchmarks)
        time = "" if each.seconds is None else duration(each.seconds)
        table.add_row(each.name, size, escape(each.license), benchmarks, time, escape(each.place))
    total = sum(each.bytes for each in planned)
    table.title = f"downloads: {len(planned)}, {total / 1e6:,.1f} MB"
    out.print(table)


def duration(seconds: float) -> str:
    """Abbreviate a time: 42 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _print_verdicts(rows: Sequence[Verdict], out: Console) -> None:
    """Print a table or, where words would be broken, a paragraph per verdict."""
    titles = ["model", "claim", "claimed", "provider", "measured", "verdict"]
    lines = [_cells(row) for row in rows]
    if not any(row.provider for row in rows):
        titles.pop(3)
        lines = [line[:3] + line[4:] for line in lines]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*line)
    if Measurement.get(out, out.options.update(max_width=UNWRAPPED), table).minimum <= out.width:
        out.print(table)
        return
    for line in lines:
        out.print(line[0])
        for title, cell in zip(titles[1:], line[1:], strict=True):
            out.print(f"  [dim]{title}:[/] {cell}")


def _cells(row: Verdict) -> list[str]:
    verdict = f"[{STYLES.get(row.status, 'dim')}]{row.status}[/]"
    verdict += f", {row.date[:10]}" if row.date else ""
    if row.explained_by:
        verdict += f" ({row.explained_by})"
    elif row.why:
        verdict += f": {escape(row.why)}"
    protocol = f", {row.claim.protocol}" if row.claim and row.claim.protocol else ""
    claim = f"{escape(row.metric)}, [dim]{escape(row.where + protocol)}[/]"
    cells = (row.model, row.claimed, row.provider, row.measured)
    model, claimed, provider, measured = map(escape, cells)
    return [model, claim, claimed, provider, measured, verdict]
