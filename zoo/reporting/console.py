"""What the commands print for people: tables of claims, weights and verdicts."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.claims.verdict import BUNDLED, NOT_BUILT, Verdict, describe_claim
from zoo.models._catalog import Description, list_papers

if TYPE_CHECKING:
    from zoo.claims.plan import PlannedEval
    from zoo.evaluation.spec import EvalSpec

REASONS_SHOWN = 8  # for not running claims of a paper, one by one
KINDS = ("counted", "measured", "relative")
REASONS = {  # for not running a claim, by their words
    NOT_BUILT: "variation not built",
    "the zoo has no benchmark": "no such benchmark yet",
    "the zoo does not measure": "no such metric yet",
    "no weights": "no weights",
    "is on the Hub, not here": "weights not here",
    "is published at": "weights not here",
    "no runs of both": "no runs recorded",
    "is not written down": "protocol not written down",
    "folder of data": "no data",
    "no record of": "not measured yet",
}
STYLES = {
    "kept": "green",
    "missed": "red",
    "better than reported": "magenta",
    "undecided": "yellow",
}


def short(number: int | None) -> str:
    """1467610 -> 1.47M"""
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number is not None and number >= size:
            return f"{number / size:.2f}{unit}"
    return "" if number is None else str(number)


def columns(rows: Sequence[Sequence[str]], right: Collection[int]) -> Iterator[str]:
    """Lines of aligned columns, some of them to the right. Nothing is cut, so that a name can be
    searched for."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip() + "\n"


def tags(d: Description) -> str:
    """The tags of a network's weights, those of many cut short."""
    first = [weights.tag for weights in d.weights[:3]]
    more = len(d.weights) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def claims(d: Description) -> Table:
    """What all papers claim about a network; a paper of another room is named with the place."""
    table = Table("claim", "where", "how", title="what papers claim", title_justify="left")
    for claim in d.claims:
        model, metric, claimed = describe_claim(claim)
        own = d.paper is not None and claim.paper == d.paper.id
        where = claim.where if own else f"{claim.paper}: {claim.where}"
        table.add_row(escape(f"{model}: {metric} {claimed}"), escape(where), claim.aggregation)
    return table


def weights(d: Description) -> Table:
    """Where a network's weights are, what they are, and what their providers report."""
    table = Table(title="weights, the default first", title_justify="left")
    for title in ("weights", "where", "license", "to the paper", "reported by the provider"):
        table.add_column(title, overflow="fold")
    for w in d.weights:
        pinned = "" if w.sha256 else ", not pinned"
        reported = [
            f"{r.error} / {r.top5_error} % at {r.pixels}, crop {r.crop_pct}" for r in w.reported
        ]
        table.add_row(
            f"[bold]{w.name}[/]",
            escape(f"{w.repo}{pinned}" if w.repo else w.url or f"bundled: {w.origin}"),
            w.license + ("" if w.permissive else " (only by its tag)"),
            escape(w.relation if len(d.weights) > 1 else f"{w.relation}: {w.note}"),
            "\n".join(reported) or ", ".join(w.benchmarks),
        )
    return table


def report(rows: list[Verdict], everything: bool, out: Console) -> None:
    """Tables by paper, what explains a miss, what was not run and why, then the sums."""
    titles = {
        p.id: f"{p.title} ({f'arXiv:{p.arxiv}' if p.arxiv else p.year})" for p in list_papers()
    }
    for paper in dict.fromkeys(row.paper for row in rows):
        of_paper = [row for row in rows if row.paper == paper]
        shown = [row for row in of_paper if row.status != "not run" or everything]
        out.print(f"\n[bold]{escape(titles[paper])}[/]")
        if shown:
            out.print(_verdicts(shown))
        explained = {row.explained_by: row.why for row in of_paper if row.explained_by}
        for record, what in explained.items():
            out.print(f"  {record}: [dim]{escape(what)}[/]")
        skipped = Counter(row.why for row in of_paper if row.status == "not run")
        for why, number in skipped.most_common(REASONS_SHOWN) if not everything else ():
            out.print(f"  [dim]not run, {number}: {escape(why)}[/]")
        if len(skipped) > REASONS_SHOWN and not everything:
            rest = sum(skipped.values()) - sum(n for _, n in skipped.most_common(REASONS_SHOWN))
            out.print(f"  [dim]not run, {rest}: as these, or for other reasons (--all)[/]")
    out.print("\n" + totals(rows), highlight=False)


def totals(rows: Sequence[Verdict]) -> str:
    """One line: claims by verdict, those that were not run by reason; and the bundled weights."""
    claims = [row for row in rows if row.claim]
    sums = Counter((row.kind, row.status) for row in claims)
    explained = sum(bool(row.explained_by) for row in claims)
    kept = [f"{sums[kind, 'kept']:,} {kind} and kept" for kind in KINDS]
    missed = sum(row.status == "missed" for row in claims)
    others = Counter(row.status for row in claims if row.status not in ("kept", "missed"))
    skipped = Counter(reason(r.why) for r in claims if r.status == "not run")
    told = [f"claims: {len(claims):,} recorded", *kept]
    told.append(f"{missed:,} missed" + (f" ({explained:,} of them explained)" if missed else ""))
    told += [f"{n:,} {status}" for status, n in others.items() if status != "not run"]
    if skipped:
        why = ", ".join(f"{n:,} {why}" for why, n in skipped.most_common())
        told.append(f"{others['not run']:,} not run ({why})")
    of_weights = Counter(row.status for row in rows if row.kind == BUNDLED)
    if of_weights:
        told.append("bundled weights: " + ", ".join(f"{n} {s}" for s, n in of_weights.items()))
    return ", ".join(told)


def reason(why: str) -> str:
    """The kind of a reason for not running a claim, in two or three words."""
    return next((told for part, told in REASONS.items() if part in why), "otherwise")


def plan(steps: "Sequence[PlannedEval]", seconds: "Mapping[EvalSpec, float]", out: Console) -> None:
    """What will be measured and how long that should take; what will not, and why."""
    to_do = [step.work for step in steps if step.to_do]
    if to_do:
        told = duration(sum(seconds.values()))
        table = Table("to measure", "on", "about", title=f"plan: {len(to_do)}, in about {told}")
        for tried in to_do:
            table.add_row(tried.name, tried.benchmark, duration(seconds[tried]))
        out.print(table)
    own = sum(step.own for step in steps)
    published = sum(bool(step.record) for step in steps) - own
    skipped = Counter(step.why for step in steps if step.why)
    out.print(
        f"plan: {len(to_do)} to measure, {own} measured before (--again repeats), {published} "
        f"published and not possible here, {sum(skipped.values())} not possible:",
        highlight=False,
    )
    for why, number in skipped.most_common(REASONS_SHOWN):
        out.print(f"  [dim]{number}: {escape(why)}[/]")
    if len(skipped) > REASONS_SHOWN:
        out.print(f"  [dim]and {len(skipped) - REASONS_SHOWN} reasons like these[/]")


def duration(seconds: float) -> str:
    """42 s, 3 min, 2.5 h"""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _verdicts(rows: list[Verdict]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    provided = any(row.provider for row in rows)
    provider = ["provider"] if provided else []
    for title in ("model", "claim", "claimed", *provider, "measured", "verdict"):
        table.add_column(title, overflow="fold")
    for row in rows:
        style = STYLES.get(row.status, "dim")
        verdict = f"[{style}]{row.status}[/]" + (f", {row.date[:10]}" if row.date else "")
        if row.explained_by:
            verdict += f" ({row.explained_by})"
        elif row.why:
            verdict += f": {escape(row.why)}"
        claim = f"{escape(row.metric)}, [dim]{escape(row.where)}[/]"
        others = [escape(row.provider)] if provided else []
        table.add_row(
            escape(row.model), claim, escape(row.claimed), *others, escape(row.measured), verdict
        )
    return table
