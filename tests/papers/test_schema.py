"""The JSON schema of paper.toml is current, and every paper.toml fits it."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from zoo.papers.protocols import PROTOCOLS
from zoo.papers.records import Claim
from zoo.papers.schema import SCHEMA_FILE, paper_schema
from zoo.papers.weights import MODELS_DIR

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
PATHS = sorted(MODELS_DIR.glob("*/paper.toml"))


def test_schema_file_equals_generated() -> None:
    message = "run python -m zoo.papers.schema > zoo/papers/paper.schema.json"
    assert json.loads(json.dumps(paper_schema())) == SCHEMA, message


def test_schema_describes_every_field() -> None:
    for name, definition in SCHEMA["$defs"].items():
        for field, of in definition["properties"].items():
            assert of.get("description"), f"{name}.{field}"
    assert not {"paper", "line"} & SCHEMA["$defs"][Claim.__name__]["properties"].keys()
    assert PROTOCOLS.keys() <= SCHEMA["properties"].keys()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)
def test_paper_toml_fits_schema(path: Path) -> None:
    tables = tomli.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(tables)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "guessed"}, "'guessed' is not one of"),
        ({"units": "M"}, "'units' was unexpected"),
        ({"value": "4.00"}, "'4.00' is not valid"),
    ],
)
def test_schema_wrong_claim_is_rejected(change: dict[str, Any], message: str) -> None:
    tables = tomli.loads((MODELS_DIR / "resnet" / "paper.toml").read_text(encoding="utf-8"))
    tables["claims"][0] |= change
    with pytest.raises(jsonschema.ValidationError, match=re.escape(message)):
        jsonschema.Draft202012Validator(SCHEMA).validate(tables)
