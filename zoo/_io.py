"""Atomic writes."""

import json
import os
import re
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """A JSON file, whole or not at all; what is nested deeper than three levels is on one line."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(re.sub(r"\n {4,}|\n {3}(?=[\]}])", " ", text) + "\n", encoding="utf-8")
    part.replace(path)
