"""Writes README.md's tables: families, from the verdicts of `zoo check`; speeds, from the ledger.

python -m eval.readme
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zoo
from zoo._io import atomic_write
from zoo.claims.verdict import Verdict
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import model_entries, paper_of

README = Path(__file__).parent.parent / "README.md"
TABLE, SPEEDS, END = "<!-- table", "<!-- speeds", "<!-- end of table -->"
SHOWN = ("right answers", "psnr", "loss")
COUNTED = ("kept", "missed")
OTHERS = (*COUNTED, "better than reported", "undecided")


def table(rows: list[Verdict]) -> str:
    """One line per paper: names, claims by verdict, and the bundled weights' scores."""
    titles = [*(f"counted: {c}" for c in COUNTED), *(f"others: {c}" for c in OTHERS), "not run"]
    lines = [
        f"| room | paper | names | {' | '.join(titles)} | weights here |",
        "|---|---|---|" + "---|" * len(titles) + "---|",
    ]
    for paper in zoo.list_papers():
        of_paper = [row for row in rows if row.paper == paper.id]
        names = [n for n, v in model_entries().items() if paper_of(v) is paper]
        counted = Counter(row.status for row in of_paper if row.kind == "counted")
        others = Counter(row.status for row in of_paper if row.kind in ("measured", "relative"))
        not_run = sum(r.status == "not run" and r.kind != "bundled weights" for r in of_paper)
        cells = [_explained(of_paper, status, counted, ("counted",)) for status in COUNTED]
        both = ("measured", "relative")
        cells += [*(_explained(of_paper, status, others, both) for status in OTHERS), str(not_run)]
        bundled = _scores(row for row in of_paper if row.kind == "bundled weights")
        link = f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else paper.code
        title = f"[{paper.title}]({link})"
        lines.append(f"| {paper.id} | {title} | {len(names)} | {' | '.join(cells)} | {bundled} |")
    return "\n".join(lines)


def _explained(rows: list[Verdict], status: str, sums: Counter[str], kinds: tuple[str, ...]) -> str:
    """How many have a status, and how many of those something recorded explains."""
    fitting = [row for row in rows if row.kind in kinds and row.status == status]
    explained = sum(bool(row.explained_by) for row in fitting)
    return f"{sums[status]}" + (f" ({explained} explained)" if explained else "")


def _scores(rows: Iterable[Verdict]) -> str:
    """What each of the bundled weights scores on the benchmark that they come with."""
    first = {row.model: row.measured for row in reversed(list(rows)) if row.metric in SHOWN}
    return ", ".join(f"{name}: {first[name]}" for name in reversed(first))


def speeds(records: Iterable[Record]) -> str:
    """One line per work of ours beside a peer, of the last record that has it."""
    raced = [record for record in records if record["kind"] == "speed"]
    last = {(r["what"], _network(row)): r for r in raced for row in r["rows"]}
    lines = [
        "| record | work | ours | against | times as fast | quartiles | of | CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (what, network), record in last.items():
        for row in record["rows"]:
            mine = row["who"].startswith("ours") and not row["against"].startswith("ours")
            if _network(row) == network and mine:
                spread = " to ".join(f"{share:.2f}" for share in row.get("quartiles", ()))
                ratio, rounds = f"{row['ratio']:.2f}", f"{record['rounds']} rounds"
                if "bytes" in row:
                    ratio, rounds = f"(memory: {ratio} of it)", "one"
                names = (what, row["model"], row["who"], row["against"])
                cpu = record["setting"].get("cpu", "")
                lines.append(f"| {' | '.join((*names, ratio, spread, rounds, cpu))} |")
    return "\n".join(lines)


def _network(row: Mapping[str, Any]) -> str:
    """What a row is about, without what was measured of it."""
    name: str = row["model"].partition(",")[0]
    return name


def between(text: str, start: str, body: str) -> str:
    """A text with a body between a mark that starts so and the end of a table."""
    head, rest = text.split(start, 1)
    mark, rest = rest.split("\n", 1)
    _, tail = rest.split(END, 1)
    return f"{head}{start}{mark}\n{body}\n{END}{tail}"


def with_tables(text: str, rows: list[Verdict]) -> str:
    """README's text with both tables as they are now."""
    text = between(text, TABLE, table(rows))
    return between(text, SPEEDS, speeds(ledger.published().records()))


def main() -> None:
    atomic_write(README, with_tables(README.read_text(encoding="utf-8"), zoo.check()))


if __name__ == "__main__":
    main()
