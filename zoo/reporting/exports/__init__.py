"""Claims and measurements in other tools' formats, from records alone.

names -> csv | latex | bibtex | eval-results | every-eval-ever -> {file: text} -> stdout or files
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo._io import atomic_write
from zoo.reporting.exports import bibtex, csv, every_eval_ever, hub_eval_results, latex

__all__ = ["FORMATS", "Format", "save"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """An export format."""

    # {file: text} of names (models, weights, patterns, papers, arXiv numbers; all if empty)
    files: Callable[[Sequence[str]], dict[str, str]]
    signature: str  # how every text starts, by which `save` knows its own files
    file: str = ""  # the name of the only file; empty if there are several


FORMATS = {
    "csv": Format(
        files=lambda names: {"claims.csv": csv.text(names)},
        signature=csv.HEADER,
        file="claims.csv",
    ),
    "latex": Format(
        files=lambda names: {"claims.tex": latex.text(names)},
        signature=latex.MARK,
        file="claims.tex",
    ),
    "bibtex": Format(
        files=lambda names: {"papers.bib": bibtex.text(names)},
        signature=bibtex.MARK,
        file="papers.bib",
    ),
    "eval-results": Format(files=hub_eval_results.files, signature=hub_eval_results.MARK),
    "every-eval-ever": Format(files=every_eval_ever.files, signature=every_eval_ever.MARK),
}


def save(
    files: Mapping[str, str], out: Path, format: Format, *, overwrite: bool = False
) -> list[Path]:
    """Write files, several into the folder `out`, and return their paths. Raises ValueError, before
    anything is written, if one would replace a file that is no export, unless `overwrite`."""
    inside = not format.file or out.is_dir()
    texts = {out / name if inside else out: text for name, text in files.items()}
    for path in texts:
        if not overwrite and path.exists() and not _is_export(path, format.signature):
            raise ValueError(f"{path} was not written by `zoo export`; --force overwrites it")
        if not inside and not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent} for {path.name}")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text)
    return list(texts)


def _is_export(path: Path, signature: str) -> bool:
    start = signature.encode()
    with path.open("rb") as file:
        return file.read(len(start)) == start
