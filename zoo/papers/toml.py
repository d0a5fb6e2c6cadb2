"""Read a TOML file that a person wrote; every error names its file and line."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
import tomli

MAX_BITS = 63  # of a whole number; TOML's own limit
MAX_DIGITS = 100  # of a decimal number, before and after its point

HEADER = re.compile(r"\s*\[+([\w.-]+)\]+")  # of a table

T = TypeVar("T")


class PaperError(ValueError):
    """A paper.toml that breaks its rules; the message starts with its file and line."""


class TomlFile:
    """A TOML file with the lines of its tables and keys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise self.error(1, f"it is not UTF-8 at byte {error.start}") from None
        self.lines = self.text.split("\n")  # as TOML does; splitlines knows nine other ends
        self.headers: dict[str, list[int]] = {}  # table -> indices of its headers' lines
        for i, text in enumerate(self.lines):
            if "[" in text and (header := HEADER.match(text)):
                self.headers.setdefault(header[1], []).append(i)

    def parse(self) -> dict[str, Any]:
        """Return the tables, decimal numbers with their printed digits."""
        try:
            tables = tomli.loads(self.text, parse_float=Decimal)
        except (ValueError, ArithmeticError) as error:  # ArithmeticError: 1e99999999999999999999
            problem = error if isinstance(error, tomli.TOMLDecodeError) else "a number is too large"
            raise PaperError(f"{self.path.parent.name}/{self.path.name}: {problem}") from None
        if not all(_is_printable(number) for number in _numbers(tables)):
            raise self.error(1, "a number is too large, or is not a number")
        return tables

    def line(self, table: str, index: int = 0, key: str = "") -> int:
        """Return the line (from 1) of the index-th `table`, or of `key` within it."""
        headers = self.headers.get(table, [])
        start = headers[index] if index < len(headers) else 0
        for i in range(start + 1, len(self.lines)) if key else ():
            if re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', self.lines[i]):
                return i + 1
            if self.lines[i].startswith("["):
                break
        return start + 1

    def error(self, line: int, problem: str) -> PaperError:
        """Return an error about a line."""
        return PaperError(f"{self.path.parent.name}/{self.path.name}:{line}: {problem}")

    def convert(self, value: Any, kind: type[T], table: str = "", index: int = 0) -> T:
        """Return a table, or without `table` the whole file, as a record.

        Raises:
            PaperError: A value has another type than its field; with the line of its key.
        """
        try:
            return msgspec.convert(value, kind, builtin_types=(Decimal,))
        except msgspec.ValidationError as error:
            problem = str(error).partition(" - at ")[0]
            place = re.search(r"unknown field `(.+)`| - at .*\$\.(\w+)", str(error))
            key = place[1] or place[2] if place else ""
            line = self.line(table or key, index, key if table else "")
            problem = _in_toml_words(problem, kind, key)
            raise self.error(line, f"{key or table}: {problem}") from None


def _in_toml_words(problem: str, kind: type, key: str) -> str:
    """Reword msgspec's message: TOML's types, and the values that an enum allows."""
    problem = problem.replace("decimal | null", "number").replace("`object`", "`table`")
    if "unknown field" in problem:
        return "unknown table"
    problem = problem.replace("Object missing required field", "lacks").replace("Exp", "exp")
    if problem.startswith("Invalid enum value"):
        allowed = ", ".join(filter(None, get_args(get_type_hints(kind)[key])))
        return f"must be one of {allowed}, not{problem.removeprefix('Invalid enum value')}"
    return problem


def _numbers(tables: dict[str, Any]) -> Iterator[int | Decimal]:
    """Yield every number in tables, in any order."""
    values: list[Any] = [tables]
    while values:
        value = values.pop()
        kind = type(value)  # of TOML's, by which this loop takes half the time of isinstance
        if kind is dict:
            values.extend(value.values())
        elif kind is list:
            values.extend(value)
        elif kind is int or kind is Decimal:
            yield value


def _is_printable(number: int | Decimal) -> bool:
    """True if a paper may print the number, and arithmetic may use it."""
    if isinstance(number, int):
        return number.bit_length() <= MAX_BITS
    return (
        number.is_finite()
        and abs(number.adjusted()) <= MAX_DIGITS
        and len(f"{number:e}") <= MAX_DIGITS
    )
