"""Build hook: the wheel carries the published ledger as one compressed file of JSON lines."""

import lzma
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PackLedger(BuildHookInterface[Any]):
    """eval/results/000001-*.json, ... -> zoo/evaluation/ledger/published.jsonl.xz"""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file to a wheel; an editable install reads eval/results."""
        if version == "editable":
            return
        texts = sorted(Path(self.root, "eval", "results").glob("[0-9]*.json"))
        lines = (b" ".join(path.read_bytes().splitlines()) + b"\n" for path in texts)
        self.folder = TemporaryDirectory()  # until the wheel is written
        packed = Path(self.folder.name) / "published.jsonl.xz"
        packed.write_bytes(lzma.compress(b"".join(lines), preset=9))
        build_data["force_include"][str(packed)] = f"zoo/evaluation/ledger/{packed.name}"
