"""Claims and measurements in the formats that others read: files of text, made from records alone.

names -> csv | latex | bibtex | eval-results | every-eval-ever -> {file: text} -> stdout or files
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.reporting.exports import bibtex, csv, every_eval_ever, hub_eval_results, latex

__all__ = ["FORMATS", "Format", "save"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A way to write what is known of names (models, weights, patterns, rooms, arXiv numbers; all,
    if there are none). `file` is the only file's name; "" if there are several. Every text starts
    with `mark`, by which a file is known to be ours."""

    files: Callable[[Sequence[str]], dict[str, str]]
    mark: str
    file: str = ""


FORMATS = {
    "csv": Format(
        files=lambda names: {"claims.csv": csv.text(names)},
        mark=csv.HEADER,
        file="claims.csv",
    ),
    "latex": Format(
        files=lambda names: {"claims.tex": latex.text(names)}, mark=latex.MARK, file="claims.tex"
    ),
    "bibtex": Format(
        files=lambda names: {"papers.bib": bibtex.text(names)},
        mark=bibtex.MARK,
        file="papers.bib",
    ),
    "eval-results": Format(files=hub_eval_results.files, mark=hub_eval_results.MARK),
    "every-eval-ever": Format(files=every_eval_ever.files, mark=every_eval_ever.MARK),
}


def save(
    files: Mapping[str, str], out: Path, chosen: Format, *, overwrite: bool = False
) -> list[Path]:
    """Writes files whole, of several each into the folder `out`; where they are now. Raises
    ValueError, before anything is written, where a file that is not ours stands in the way and is
    not to be overwritten."""
    inside = not chosen.file or out.is_dir()
    texts = {out / name if inside else out: text for name, text in files.items()}
    for path in texts:
        if not overwrite and path.exists() and not _is_ours(path, chosen.mark):
            raise ValueError(f"{path} was not written by `zoo export`; --force overwrites it")
        if not inside and not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent} for {path.name}")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    return list(texts)


def _is_ours(path: Path, mark: str) -> bool:
    start = mark.encode()
    with path.open("rb") as file:
        return file.read(len(start)) == start
