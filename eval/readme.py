"""Write the sums and tables of README.md and docs/ from counts.json and the published ledger.

python -m eval.readme
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import zoo
from eval import second_machine
from eval.second_machine import Pair
from eval.speed_tables import compilers_table, memory_table, overlap_table, speeds_table
from zoo._io import atomic_write
from zoo.claims.check import verdicts_from_records
from zoo.claims.tally import tally
from zoo.claims.verdict import Evidence, Kind, Status, Tally, Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import model_entries, paper_of
from zoo.papers.records import Paper
from zoo.reporting import bench

ROOT = Path(__file__).parent.parent
END = "<!-- end of table -->"
SCORES = ("right answers", "psnr", "loss")  # of bundled weights
TRIALS = (Status.SUPPORTS, Status.CONTRADICTS, Status.INCONCLUSIVE)


def overview_table(verdicts: Sequence[Verdict]) -> str:
    """Return a line for each paper with weights or reproductions, and the names of the others."""
    others: list[str] = []
    lines = [
        "| paper | names | weights | architecture | reproduced | not run |",
        "|---|---|---|---|---|---|",
    ]
    for paper in zoo.list_papers():
        sums = tally([verdict for verdict in verdicts if verdict.paper == paper.id])
        reproductions = sum(map(Counter, sums.reproductions.values()), Counter[Status]())
        if not paper.weights and not reproductions:
            others.append(f"[{paper.id}]({_link(paper)})")
            continue
        cells = [
            f"[{paper.id}]({_link(paper)})",
            sum(paper_of(entry) is paper for entry in model_entries().values()),
            len(paper.weights) or "",
            _reproduced(sums.architecture),
            _reproduced(reproductions),
            sum(sums.not_run.values()),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    rest = f"Without weights so far, with their sums in docs/reproduce.md: {', '.join(others)}."
    return "\n".join([*lines, "", rest])


def _link(paper: Paper) -> str:
    return f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else paper.code


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
        cells = [
            paper.id,
            f"[{paper.title}]({_link(paper)})",
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


def ensembles_table(records: Iterable[Record]) -> str:
    """Return a line for each ensemble of N-BEATS that was trained here, the last of each kind."""
    lines = [
        "| series | networks | OWA of the ensemble | OWA of one network: least, median, most "
        "| sMAPE of the ensemble | minutes of a core |",
        "|---|---|---|---|---|---|",
    ]
    runs = [r for r in records if r["kind"] == "training" and r["model"].endswith("_ensemble")]
    for record in {r["recipe"]: r for r in runs}.values():
        ((benchmark, entry),) = record["benchmarks"].items()
        alone = [row["owa"] for row in record["history"]]
        spread = ", ".join(f"{owa:.3f}" for owa in (min(alone), median(alone), max(alone)))
        scores = {metric: f"{score['value']:.3f}" for metric, score in entry["scores"].items()}
        cells = (
            f"{benchmark}, {BENCHMARKS[benchmark].size}",
            f"{len(alone)} of {record['model'].removesuffix('_ensemble')}",
            scores["owa"],
            spread,
            scores["smape"],
            round(record["seconds"] / 60),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def second_machine_table(pairs: Sequence[Pair]) -> str:
    """Return a line for each kind of run that a second machine took again, then some digits."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        kind = "CycleNet, 96 to 96 steps" if pair.run.startswith("cyclenet") else "fits to tables"
        groups.setdefault(f"{kind} | {pair.metric}", []).append(pair)
    lines = [
        "| runs | score | scores | the same to the last bit | largest difference | CI allows |",
        "|---|---|---|---|---|---|",
    ]
    for name, group in groups.items():
        limits = [pair.allowed for pair in group]
        limit = "one row of the table" if len(set(limits)) > 1 else f"{limits[0]:g}"
        same = sum(pair.difference == 0 for pair in group)
        most = max(pair.difference for pair in group)
        lines.append(f"| {name} | {len(group)} | {same} | {most:g} | {limit} |")
    lines += ["", "| run | score | first machine | second machine |", "|---|---|---|---|"]
    for pair in pairs:
        if "tabular/wdbc" in pair.run or "seed 2024" in pair.run:
            digits = f"{pair.recorded:.7g} | {pair.here:.7g}"
            lines.append(f"| {pair.run} | {pair.metric} | {digits} |")
    return "\n".join(lines)


def _replace_table(text: str, start: str, table: str) -> str:
    """Replace the lines between the comment that begins with `start` and the end of its table."""
    head, rest = text.split(start, 1)
    comment, rest = rest.split("\n", 1)
    _, tail = rest.split(END, 1)
    return f"{head}{start}{comment}\n{table}\n{END}{tail}"


def pages(verdicts: Sequence[Verdict]) -> dict[Path, str]:
    """Return the texts of README.md and of pages of docs/ with their sums and tables of now."""
    sums = "\n".join(f"- {line}" for line in tally(verdicts).lines())
    tables = {
        "README.md": {"<!-- sums": f"\n{sums}\n", "<!-- table": overview_table(verdicts)},
        "docs/reproduce.md": {"<!-- table": papers_table(verdicts)},
        "docs/proof.md": {
            "<!-- ensembles": ensembles_table(ledger.published().records()),
            "<!-- second machine": second_machine_table(second_machine.recorded()),
        },
        "docs/residual-streams.md": {
            "<!-- residual streams": bench.markdown(ledger.published().records()),
        },
        "docs/performance.md": {
            "<!-- compilers": compilers_table(ledger.published().records()),
            "<!-- bfloat16": compilers_table(ledger.published().records(), "images in bfloat16"),
            "<!-- speeds": speeds_table(ledger.published().records()),
            "<!-- memory": memory_table(ledger.published().records()),
            "<!-- overlap": overlap_table(ledger.published().records()),
        },
    }
    texts = {}
    for name, replaced in tables.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        for start, table in replaced.items():
            text = _replace_table(text, start, table)
        texts[ROOT / name] = text
    return texts


def main() -> None:
    with TemporaryDirectory() as folder:
        os.environ["ZOO_LEDGER"] = folder  # the published records alone
        verdicts = verdicts_from_records()
    for path, text in pages(verdicts).items():
        atomic_write(path, text)


if __name__ == "__main__":
    main()
