"""Claims beside counts and measurements, as a LaTeX table (booktabs)."""

import re
from collections.abc import Sequence

from zoo.claims import check
from zoo.claims.verdict import Verdict
from zoo.papers.loading import load_papers
from zoo.reporting.exports import bibtex

MARK = "% Written by `zoo export --format latex`; its keys are those of `--format bibtex`.\n"
PAGE = 40  # rows that fit on one
SPECIAL = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    '"': r"\symbol{34}",
    "`": r"\symbol{96}",
    "--": "-{}-",  # no ligature
    "''": "'{}'",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "\n": " ",
}
TITLES = ("Paper", "Model", "Claim", "Claimed", "Measured", "Verdict")


def text(names: Sequence[str]) -> str:
    """Return the table of names. Raises LookupError if no claim was counted or measured."""
    return table(check.verdicts_from_records(*names))


def table(rows: Sequence[Verdict]) -> str:
    """Return a table of the counted and measured claims; a longtable if it exceeds one page.
    Raises LookupError if there are none."""
    claims = [row for row in rows if row.claim]
    judged = [row for row in claims if row.measured]
    if not judged:
        raise LookupError("none of the claims was counted or measured; --format csv has them all")
    keys = {paper.id: bibtex.key(paper) for paper in load_papers()}
    name = "tabular" if len(judged) <= PAGE else "longtable"
    repeated = "\\endhead\n" if len(judged) > PAGE else ""
    left_out = len(claims) - len(judged)
    return (
        f"{MARK}% It needs the package booktabs{', and longtable' if repeated else ''}.\n"
        f"% {left_out} more claims were neither counted nor measured.\n"
        f"\\begin{{{name}}}{{{'l' * len(TITLES)}}}\n\\toprule\n"
        f"{' & '.join(TITLES)} \\\\\n\\midrule\n{repeated}"
        + "".join(f"{_line(row, keys[row.paper])}\n" for row in judged)
        + f"\\bottomrule\n\\end{{{name}}}\n"
    )


def _line(row: Verdict, key: str) -> str:
    verdict = row.status + (f" ({row.explained_by})" if row.explained_by else "")
    cells = (row.model, f"{row.metric}, {row.where}", row.claimed, row.measured, verdict)
    return " & ".join((f"\\cite{{{key}}}", *map(escape, cells))) + r" \\"


def escape(text: str) -> str:
    """Escape LaTeX's special characters."""
    pattern = "|".join(map(re.escape, SPECIAL))
    return re.sub(pattern, lambda special: SPECIAL[special[0]], text)
