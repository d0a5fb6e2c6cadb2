"""Parsed TOML kept beside the bytecode, which it is as trusted as: read in a tenth of the time.

paper.toml -> sha256 of its bytes -> __pycache__/paper.toml.json {"sha256": ..., "tables": ...}

Decimals are kept as they are printed. Standard library only.
"""

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

MARK = "decimal"  # {"decimal": "4.00"}; no table of a paper.toml has this key alone


def cached_parse(path: Path, text: str, parse: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `parse` gives for the text of a file, from an earlier time if it is the same text."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    place = Path(importlib.util.cache_from_source(str(path.with_suffix(".py"))))
    place = place.with_name(f"{path.name}.json")
    try:
        found = json.loads(place.read_text(encoding="utf-8"), object_hook=_decimal)
        if found["sha256"] == digest:
            tables: dict[str, Any] = found["tables"]
            return tables
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
        pass  # not there, or damaged: it is made anew
    tables = parse()
    if not sys.dont_write_bytecode:
        _write(place, {"sha256": digest, "tables": tables})
    return tables


def _write(place: Path, value: Any) -> None:
    """Whole or not at all; not at all where it may not be written, or is not only of JSON."""
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        text = json.dumps(value, default=_tagged)
        place.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(place)
    except (OSError, TypeError, ValueError, RecursionError):
        with suppress(OSError):
            part.unlink()


def _tagged(value: Any) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {MARK: str(value)}
    raise TypeError(f"{type(value).__name__} is not kept")


def _decimal(table: dict[str, Any]) -> Any:
    return Decimal(table[MARK]) if table.keys() == {MARK} else table
