"""Write README.md's sums and tables from counts.json and the published ledger.

python -m eval.readme
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import zoo
from zoo._io import atomic_write
from zoo.claims.check import verdicts_from_records
from zoo.claims.tally import tally
from zoo.claims.verdict import Evidence, Kind, Status, Tally, Verdict
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import model_entries, paper_of

README = Path(__file__).parent.parent / "README.md"
SUMS, PAPERS, SPEEDS = "<!-- sums", "<!-- table", "<!-- speeds"
END = "<!-- end of table -->"
SCORES = ("right answers", "psnr", "loss")  # of bundled weights
TRIALS = (Status.SUPPORTS, Status.CONTRADICTS, Status.INCONCLUSIVE)


def papers_table(verdicts: Sequence[Verdict]) -> str:
    """Return a line a paper: names, the three sums, and the bundled weights' scores."""
    titles = (Tally.ARCHITECTURE, *(f"reproduced: {e}" for e in Evidence), *TRIALS, "not run")
    lines = [
        f"| family | paper | names | {' | '.join(titles)} | weights here |",
        "|---|---|---|" + "---|" * len(titles) + "---|",
    ]
    for paper in zoo.list_papers():
        rows = [verdict for verdict in verdicts if verdict.paper == paper.id]
        sums = tally(rows)
        link = f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else paper.code
        cells = [
            paper.id,
            f"[{paper.title}]({link})",
            sum(paper_of(entry) is paper for entry in model_entries().values()),
            _reproduced(sums.architecture),
            *(_reproduced(counts) for counts in sums.reproductions.values()),
            *(sums.trials[status] or "" for status in TRIALS),
            sum(sums.not_run.values()),
            _scores([row for row in rows if row.kind == Kind.BUNDLED]),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _reproduced(counts: Mapping[Status, int]) -> str:
    """Return "reproduced of all", or "" if there are none."""
    total = sum(counts.values())
    return f"{counts[Status.REPRODUCED]} of {total}" if total else ""


def _scores(rows: Sequence[Verdict]) -> str:
    """Format the first score of each of the bundled weights."""
    scores: dict[str, str] = {}
    for row in rows:
        if row.metric in SCORES:
            scores.setdefault(row.model, row.measured)
    return ", ".join(f"{name}: {score}" for name, score in scores.items())


def speeds_table(records: Iterable[Record]) -> str:
    """Return a line for each of our networks beside a peer, from the latest record that has it."""
    records = [record for record in records if record["kind"] == "speed"]
    latest = {(r["what"], _network(row)): r for r in records for row in r["rows"]}
    lines = [
        "| record | work | ours | against | times as fast | quartiles | of | CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (title, network), record in latest.items():
        for row in record["rows"]:
            is_ours = row["who"].startswith("ours") and not row["against"].startswith("ours")
            if _network(row) == network and is_ours:
                quartiles = " to ".join(f"{ratio:.2f}" for ratio in row.get("quartiles", ()))
                ratio, rounds = f"{row['ratio']:.2f}", f"{record['rounds']} rounds"
                if "bytes" in row:
                    ratio, rounds = f"(memory: {ratio} of it)", "one"
                names = (title, row["model"], row["who"], row["against"])
                cpu = record["setting"].get("cpu", "")
                lines.append(f"| {' | '.join((*names, ratio, quartiles, rounds, cpu))} |")
    return "\n".join(lines)


def _network(row: Mapping[str, Any]) -> str:
    """Return the network of a row, without what was measured of it."""
    name: str = row["model"].partition(",")[0]
    return name


def _replace_table(text: str, start: str, table: str) -> str:
    """Replace the lines between the comment that begins with `start` and the end of its table."""
    head, rest = text.split(start, 1)
    comment, rest = rest.split("\n", 1)
    _, tail = rest.split(END, 1)
    return f"{head}{start}{comment}\n{table}\n{END}{tail}"


def with_tables(text: str, verdicts: Sequence[Verdict]) -> str:
    """Return README's text with its sums and tables as they are now."""
    sums = "\n".join(f"- {line}" for line in tally(verdicts).lines())
    text = _replace_table(text, SUMS, f"\n{sums}\n")
    text = _replace_table(text, PAPERS, papers_table(verdicts))
    return _replace_table(text, SPEEDS, speeds_table(ledger.published().records()))


def main() -> None:
    with TemporaryDirectory() as folder:
        os.environ["ZOO_LEDGER"] = folder  # the published records alone
        verdicts = verdicts_from_records()
    atomic_write(README, with_tables(README.read_text(encoding="utf-8"), verdicts))


if __name__ == "__main__":
    main()
