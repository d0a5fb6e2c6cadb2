"""JSON schema of paper.toml, from which editors complete and check it.

python -m zoo.papers.schema > zoo/papers/paper.schema.json
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from zoo.papers.loading import AUTOMATIC, TABLES
from zoo.papers.protocols import PROTOCOLS
from zoo.papers.records import PaperInfo
from zoo.papers.weights import ReportedScores

SCHEMA_FILE = Path(__file__).with_name("paper.schema.json")


def paper_schema() -> dict[str, Any]:
    """Return the JSON schema of paper.toml, with the comments of the records' fields."""
    kinds = [PaperInfo, *PROTOCOLS.values(), *TABLES.values(), ReportedScores]
    refs, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    references = iter(refs)
    text = {"type": "string"}
    tables = {
        "paper": next(references),
        **{
            table: {"type": "object", "additionalProperties": text}
            for table in ("protocols", "benchmarks_elsewhere")
        },
        **{
            table: {"type": "object", "additionalProperties": next(references)}
            for table in PROTOCOLS
        },
        **{table: {"type": "array", "items": next(references)} for table in TABLES},
    }
    for kind in kinds:
        _describe(definitions[kind.__name__], kind)
    used = {kind.__name__: definitions[kind.__name__] for kind in kinds}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "paper.toml",
        "type": "object",
        "required": ["paper"],
        "properties": tables,
        "additionalProperties": False,
        "$defs": used,
    }
    numbers: dict[str, Any] = _numbers_for_decimals(schema)
    return numbers


def _describe(definition: dict[str, Any], kind: type) -> None:
    """Add the fields' comments; remove the fields that loading fills."""
    comments = re.findall(r"^    (\w+): .+?  # (.+)$", inspect.getsource(kind), re.MULTILINE)
    for field, comment in comments:
        definition["properties"][field]["description"] = comment
    for field in AUTOMATIC.get(kind, set()) | {"line"}:
        definition["properties"].pop(field, None)
    definition["additionalProperties"] = False


def _numbers_for_decimals(value: Any) -> Any:
    """Return a schema where a decimal is a number of TOML, not a string of JSON."""
    if isinstance(value, list | tuple):
        return [_numbers_for_decimals(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "decimal":
        return {"type": "number"}
    return {key: _numbers_for_decimals(entry) for key, entry in value.items()}


if __name__ == "__main__":
    print(json.dumps(paper_schema(), indent=1))
