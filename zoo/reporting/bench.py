"""Tables of zoo.claims.bench, as the command, the documentation and the report print them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from zoo.claims.bench.designs import SIZES, Size
from zoo.claims.bench.table import Estimate, Row, Speed, rows_of
from zoo.evaluation.ledger import Record

HEADS = (
    "residual stream",
    "parameters",
    "loss (nats a token)",
    "difference",
    "p (Holm)",
    "outcome",
    "training (tokens/s)",
    "generation (tokens/s)",
    "memory of a step",
)
NOT_RUN = "not run"
EXPLANATION = (
    "Small-scale trials of ours: decoders of one depth and width, with feed-forward networks as "
    "wide as the budget leaves them, the same batches in the same order, one recipe that was "
    "fitted to the plain stream. Losses are means over seeds, on text that was not trained on; "
    "differences from the plain stream are by seed, p is of Student's paired t-test after Holm's "
    "correction, and brackets are 95 % intervals. Speeds are medians, with how many times as fast "
    "as the plain stream in the same round."
)


def title(size: Size) -> str:
    """Return the caption of the table of a size."""
    return (
        f"{size.name}: a budget of {size.params:,} parameters, {size.layers} layers of {size.width}"
    )


def cells(row: Row) -> list[str]:
    """Return the columns HEADS of a row."""
    stream = f"{row.design.title}, {row.design.paper}"
    params = f"{row.fitted.params:,}"
    speeds = [_rate(row.training), _rate(row.generation)]
    memory = NOT_RUN if row.bytes is None else f"{row.bytes / 2**20:,.0f} MiB"
    if row.loss is None:
        return [stream, params, NOT_RUN, "", "", NOT_RUN, *speeds, memory]
    seeds = f", {row.seeds} seed{'' if row.seeds == 1 else 's'}"
    difference = _number(row.difference, "+.4f") if row.difference else ""
    p = "" if row.p is None else f"{row.p:.2g}"
    loss = _number(row.loss, ".4f") + seeds
    return [stream, params, loss, difference, p, row.outcome, *speeds, memory]


def _rate(speed: Speed | None) -> str:
    return f"{speed.tokens:,.0f}, x{_number(speed.ratio, '.2f')}" if speed else NOT_RUN


def _number(estimate: Estimate, digits: str) -> str:
    """Format 1.2345 [1.2000, 1.2690]."""
    limits = ", ".join(f"{limit:{digits}}" for limit in estimate.interval or ())
    return f"{estimate.value:{digits}}" + (f" [{limits}]" if limits else "")


def table(size: Size, rows: Iterable[Row]) -> Table:
    """Tabulate a size for a terminal."""
    tabulated = Table(title=title(size), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        tabulated.add_column(head, overflow="fold")
    for row in rows:
        tabulated.add_row(*map(escape, cells(row)))
    return tabulated


def tables(records: Sequence[Record]) -> dict[str, list[list[str]]]:
    """Return {caption: cells of each design} of every size; no design of one without a run."""
    known = {record["recipe"] for record in records if "recipe" in record}
    return {
        title(size): [cells(row) for row in rows_of(size, records)]
        if any(recipe.endswith(f".{size.tag}") for recipe in known)
        else []
        for size in SIZES.values()
    }


def outcomes(rows: Iterable[Sequence[str]]) -> str:
    """Return how many designs have which outcome, by the cells of their rows.

    Example:
        >>> outcomes([["plain"] + 8 * [""], ["mudd", "", "", "", "", "better", "", "", ""]])
        'beside x + f(x), 1 better'
    """
    counts = Counter(row[HEADS.index("outcome")] for row in rows)
    return "beside x + f(x), " + ", ".join(f"{n} {what}" for what, n in counts.items() if what)


def markdown(records: Sequence[Record]) -> str:
    """Return the tables of all sizes by the records of a ledger, as Markdown."""
    parts = [EXPLANATION]
    for caption, rows in tables(records).items():
        lines = [HEADS, ("---",) * len(HEADS), *rows]
        parts.append(f"**{caption}**: {outcomes(rows) if rows else NOT_RUN}")
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else "")
    return "\n\n".join(filter(None, parts))
