"""Writes the table of families into README.md from the verdicts of `zoo check`.

python -m eval.readme
"""

import os
from collections import Counter
from pathlib import Path

import zoo
from zoo import registry
from zoo.verdicts import Verdict

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- table", "<!-- end of table -->"
SHOWN = ("right answers", "psnr", "loss")
COUNTED, OTHERS = ("kept", "missed"), ("kept", "missed", "undecided")


def table(rows: list[Verdict]) -> str:
    """One line per paper: names, claims by verdict, and the bundled weights' scores."""
    titles = [*(f"counted: {c}" for c in COUNTED), *(f"others: {c}" for c in OTHERS), "not run"]
    lines = [
        f"| room | paper | names | {' | '.join(titles)} | weights here |",
        "|---|---|---|" + "---|" * len(titles) + "---|",
    ]
    for paper in zoo.papers():
        of_paper = [row for row in rows if row.paper == paper.id]
        names = [n for n, v in registry.variants().items() if registry.paper_of(v) is paper]
        counted = Counter(row.status for row in of_paper if row.kind == "counted")
        others = Counter(row.status for row in of_paper if row.kind in ("measured", "relative"))
        not_run = sum(r.status == "not run" and r.kind != "bundled weights" for r in of_paper)
        explained = sum(bool(row.explained_by) for row in of_paper)
        missed = f"{counted['missed']}" + (f" ({explained} explained)" if explained else "")
        cells = [missed if status == "missed" else str(counted[status]) for status in COUNTED]
        cells += [*(str(others[status]) for status in OTHERS), str(not_run)]
        bundled = [
            f"{r.model}: {r.measured}"
            for r in of_paper
            if r.kind == "bundled weights" and r.status != "not run" and r.metric in SHOWN
        ]
        link = f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else paper.code
        title = f"[{paper.title}]({link})"
        lines.append(
            f"| {paper.id} | {title} | {len(names)} | {' | '.join(cells)} | {', '.join(bundled)} |"
        )
    return "\n".join(lines)


def with_table(text: str, rows: list[Verdict]) -> str:
    """README's text with the table between its two marks."""
    head, rest = text.split(START, 1)
    mark, rest = rest.split("\n", 1)
    _, tail = rest.split(END, 1)
    return f"{head}{START}{mark}\n{table(rows)}\n{END}{tail}"


def main() -> None:
    part = README.with_suffix(".part")
    part.write_text(with_table(README.read_text(encoding="utf-8"), zoo.check()), encoding="utf-8")
    os.replace(part, README)


if __name__ == "__main__":
    main()
