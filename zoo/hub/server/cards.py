"""Metadata of a model card: the YAML at the head of its README."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]

CARD = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n?^---[ \t]*$", re.DOTALL | re.MULTILINE)
LIMIT = 1 << 18  # bytes of YAML, a second of the parser's time
DEPTH = 20  # levels of YAML
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_events(text: str) -> None:
    """Raise ValueError for YAML that may become larger than it is, or too deep to read."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("the metadata has an alias (*); write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise ValueError(f"the metadata is nested more than {DEPTH} levels deep")


def parse_card(text: str) -> dict[str, Any]:
    """Return the metadata of a card as JSON has it. Raises ValueError for anything else."""
    match = CARD.match(text)
    if not match:
        return {}
    if len(match[1]) > LIMIT:
        raise ValueError(f"the metadata has more than {LIMIT} characters")
    try:
        check_events(match[1])
        data = yaml.load(match[1], Loader=Loader) or {}
        data = msgspec.json.decode(msgspec.json.encode(data))
    except yaml.YAMLError as error:
        raise ValueError(f"the metadata is no YAML: {error}") from None
    except (TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise ValueError(f"the metadata cannot be written as JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("the metadata is no mapping")
    if not isinstance(data.get("model-index", []), list):
        raise ValueError('"model-index" must be a list')
    return data


@lru_cache(maxsize=256)
def read_card(path: Path, sha256: str) -> dict[str, Any]:
    """Return the metadata of a README with this sum; empty if broken, as its page is shown."""
    try:
        return parse_card(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
