"""A TOML file that a person wrote: whatever is wrong with it is said with its file and line.

Standard library only.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin

from zoo.papers.toml_cache import cached_parse

LARGEST = 63  # bits of a whole number; TOML's own limit
DIGITS = 100  # of a decimal number, before and after its point


class PaperError(ValueError):
    """A paper.toml that breaks its rules; the message starts with its file and line."""


class TomlFile:
    """The text of a TOML file, for finding the line that an error is about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            self.lines = []
            raise self.error(1, f"it is not UTF-8 at byte {error.start}") from None
        self.lines = self.text.split("\n")  # as TOML does; splitlines knows nine other ends
        self.starts: dict[str, list[int]] = {}  # of each table: the lines of its headers, from 0
        for i, text in enumerate(self.lines):
            if header := re.match(r"\s*\[+([\w.]+)\]+", text):
                self.starts.setdefault(header[1], []).append(i)

    def tables(self) -> dict[str, Any]:
        """What is in the file, with decimal numbers as they are printed."""
        try:
            return cached_parse(self.path, self.text, self._parsed)
        except PaperError:
            raise
        except (ValueError, ArithmeticError) as error:  # ArithmeticError: 1e99999999999999999999
            what = error if isinstance(error, tomllib.TOMLDecodeError) else "a number is too large"
            raise PaperError(f"{self.path.parent.name}/{self.path.name}: {what}") from None

    def _parsed(self) -> dict[str, Any]:
        found = tomllib.loads(self.text, parse_float=Decimal)
        if not all(_plausible(number) for number in _numbers(found)):
            raise self.error(1, "a number is too large, or is none")
        return found

    def line(self, table: str, index: int, key: str = "") -> int:
        """Line (from 1) of the index-th [[table]], or of `key` within it."""
        starts = self.starts.get(table, [])
        start = starts[index] if index < len(starts) else 0
        for i in range(start + 1, len(self.lines)) if key else ():
            if re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', self.lines[i]):
                return i + 1
            if self.lines[i].startswith("["):
                break
        return start + 1

    def error(self, line: int, what: str) -> PaperError:
        """An error about a line."""
        return PaperError(f"{self.path.parent.name}/{self.path.name}:{line}: {what}")

    def check(self, place: tuple[str, int, str], key: str, value: Any, wanted: Any) -> None:
        """Raises PaperError for a value that is not of the type that a record has for it; its
        line is found (by table, index and key) when there is something to say of it alone."""
        if _is(value, wanted):
            return
        line = self.line(*place)
        words = wanted.__name__ if isinstance(wanted, type) else re.sub(r"\w+\.", "", str(wanted))
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:80]}..."
        raise self.error(line, f"{key} must be {words}, not {shown}")


def _is(value: Any, wanted: Any) -> bool:
    """Whether what tomllib made is of a type, as far down as the type says."""
    if wanted is Any:
        return True
    if wanted == Decimal | None:
        return isinstance(value, Decimal | int) and not isinstance(value, bool)
    parts = get_args(wanted)
    if get_origin(wanted) is tuple:
        return isinstance(value, list) and all(_is(entry, parts[0]) for entry in value)
    if get_origin(wanted) is Mapping:
        return isinstance(value, dict) and all(_is(entry, parts[1]) for entry in value.values())
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _numbers(value: Any) -> Iterator[int | Decimal]:
    if isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _numbers(entry)
    elif isinstance(value, int | Decimal):
        yield value


def _plausible(number: int | Decimal) -> bool:
    """Whether a number is one that a paper may print, and that may be computed with."""
    if isinstance(number, int):
        return number.bit_length() <= LARGEST
    return number.is_finite() and abs(number.adjusted()) <= DIGITS and len(f"{number:e}") <= DIGITS
