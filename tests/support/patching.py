"""Replace a public function wherever the zoo has imported it."""

import importlib
import sys
from typing import Any

import pytest

from zoo.cli.app import MODULES

OURS = ("zoo", "tests", "eval")


def replace_everywhere(monkeypatch: pytest.MonkeyPatch, target: str, value: Any) -> None:
    """Replace "package.module.function" in its module and in every module that imported its name,
    until the test ends."""
    for command in MODULES:  # imported later, it would keep the replacement
        importlib.import_module(f"zoo.cli.{command}")
    module, _, name = target.rpartition(".")
    original = getattr(importlib.import_module(module), name)
    for other in [m for key, m in sys.modules.items() if key.partition(".")[0] in OURS]:
        for key in [key for key, known in vars(other).items() if known is original]:
            monkeypatch.setattr(other, key, value)
