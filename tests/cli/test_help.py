"""Help, output and interruption, of all commands alike."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tests.support.cli import all_commands, run_cli
from tests.support.models import bundled_weights
from tests.support.patching import replace_everywhere
from zoo._io import progress_bars

COMMANDS = all_commands()
SAYS_DEFAULT = re.compile(r"\b(default|else|only|any|all)\b", re.IGNORECASE)
OBJECT: dict[str, Any] = {"type": "object"}
STRING = {"type": "string"}


def rows(**fields: Any) -> dict[str, Any]:
    """The schema of a list of objects with these fields."""
    return {"type": "array", "items": record(**fields)}


def record(**fields: Any) -> dict[str, Any]:
    """The schema of an object with these fields."""
    return {"type": "object", "properties": fields, "required": list(fields)}


COUNT = {"type": "integer"}
SCORES = {"type": "object", "minProperties": 1}
# command -> (arguments, schema); "TMP" is an empty folder, "IMAGES" one with a small image
FACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "cite": ("resnet20", record(paper=STRING, bibtex=STRING)),
    "compare": ("wrn16_1 wrn28_10", record(left=STRING, right=STRING, rows=rows(what=STRING))),
    "data list": ("", rows(name=STRING, license=STRING)),
    "data verify": ("TMP", rows(benchmark=STRING)),
    "leaderboard": ("digits/test", record(metric=STRING, measured=rows(weights=STRING))),
    "ledger list": ("resnet20 --published --last", rows(kind=STRING, id=STRING)),
    "ledger merge": ("TMP --ledger TMP", record(added=COUNT, records=COUNT)),
    "ledger verify": ("--ledger TMP", rows(folder=STRING, records=COUNT)),
    "list": ("wrn*", rows(name=STRING, params=COUNT)),
    "pull": ("resnet20.zoo_digits", {"type": "array", "items": STRING}),
    "score": (
        "--sr IMAGES --hr IMAGES --scale 2",
        record(scale=COUNT, images=OBJECT, mean=record(ssim={"type": "number"})),
    ),
    "search": ("wide --max-params 1M", rows(name=STRING, weights={"type": "array"})),
    "show": ("resnet20", record(params=COUNT, claims=rows(metric=STRING))),
}
SLOW: dict[str, tuple[str, dict[str, Any]]] = {  # these run networks
    "convert": ("WEIGHTS --to TMP/a.safetensors", record(model=STRING, sha256=STRING)),
    "diagnose": ("wrn16_1.zoo_digits --limit 9 --group labels", record(sentence=STRING)),
    "evaluate": ("wrn16_1.zoo_digits --benchmark digits/test --limit 2", record(scores=SCORES)),
    "generate": ("gpt2_nano --prompt a --max-new-tokens 1", rows(prompt=STRING, text=STRING)),
    "restore": ("IMAGES -o TMP", rows(file=STRING, width=COUNT, height=COUNT)),
    "upscale": ("IMAGES -o TMP", rows(file=STRING, width=COUNT, height=COUNT)),
    "verify": ("resnet20.zoo_digits", rows(name=STRING)),
}
ELSEWHERE = {  # where others are run with --json
    "check": "tests/cli/test_app.py",
    "eval-harness": "tests/evaluation/test_lm_harness.py",
    "push": "tests/hub/test_push.py",
}


@pytest.mark.parametrize("words", COMMANDS)
def test_help_of_every_option_names_its_object_and_default(words: str) -> None:
    parameters = [p for p in COMMANDS[words].params if p.name != "help"]
    assert {"quiet", "verbose"} <= {p.name for p in parameters}
    for parameter in parameters:
        text = parameter.help or ""
        where = f"zoo {words}: {parameter.name}: {text!r}"
        assert len(text.split()) > 1, where
        assert text.endswith((".", ")")), where
        is_shown = parameter.required or parameter.default not in (None, "", ("", ""))
        assert is_shown or getattr(parameter, "is_flag", False) or SAYS_DEFAULT.search(text), where


def test_every_command_that_prints_json_is_run_with_it() -> None:
    with_json = {words for words, c in COMMANDS.items() if "as_json" in {p.name for p in c.params}}
    hidden = {words for words, command in COMMANDS.items() if command.hidden}
    assert with_json - hidden == {*FACTS, *SLOW, *ELSEWHERE}


@pytest.mark.parametrize(
    "words", [*FACTS, *(pytest.param(words, marks=pytest.mark.slow) for words in SLOW)]
)
def test_json_is_alone_on_stdout_and_fits_its_schema(words: str, tmp_path: Path) -> None:
    images, empty = tmp_path / "images", tmp_path / "empty"
    images.mkdir()
    empty.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(images / "a.png")
    arguments, schema = (FACTS | SLOW)[words]
    for name, path in (
        ("IMAGES", images),
        ("TMP", empty),
        ("WEIGHTS", bundled_weights("resnet20").path),
    ):
        arguments = arguments.replace(name, str(path))
    done = run_cli(*words.split(), *arguments.split(), "--json")
    assert done.code in (0, 1), done.err
    jsonschema.validate(json.loads(done.out), schema)


def test_piped_tables_are_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    for command in (("show", "resnet50"), ("ledger", "list", "--published", "resnet20")):
        lines = run_cli(*command).out.splitlines()
        assert max(map(len, lines)) > 120, command


def test_quiet_and_verbose_change_stderr_alone(tmp_path: Path) -> None:
    command = ("ledger", "verify", "--ledger", tmp_path)
    loud, quiet = (run_cli(*command, option) for option in ("-v", "-q"))
    assert loud.out == quiet.out
    assert f"{tmp_path}\n" in loud.err
    assert not quiet.err
    assert "Traceback" in run_cli("show", "resnt20", "--verbose").err
    assert run_cli("show", "resnet20", "-q", "-v").code == 2


@pytest.mark.parametrize("description", ["a", "a very long title of what is done now " * 4])
def test_progress_bar_fits_eighty_columns(description: str) -> None:
    out = io.StringIO()
    with progress_bars() as bars:
        bars.add_task(description, total=123_456, completed=99_999)
        Console(file=out, width=80, force_terminal=True, color_system=None).print(bars)
    (line,) = out.getvalue().splitlines()
    assert len(line) <= 80
    assert "99999/123456" in line


@pytest.mark.parametrize(
    ("target", "command", "advice"),
    [
        ("zoo.inference.image_files.upscale_file", "upscale IMAGE", "Images that are done stay"),
        ("zoo.reporting.comparison.compare", "compare wrn16_1 wrn28_10", "Nothing is left half"),
    ],
)
def test_interrupted_command_says_how_to_go_on(
    target: str, command: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    replace_everywhere(monkeypatch, target, interrupt)
    done = run_cli(*command.replace("IMAGE", str(tmp_path / "a.png")).split())
    assert done.code == 130
    assert done.err.startswith(f"zoo: interrupted. {advice}")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("zoo lead", "leaderboard"),
        ("zoo show wrn28", "wrn28_10"),
        ("zoo leaderboard digits/", "digits/test"),
    ],
)
def test_shell_completes_commands_models_and_benchmarks(words: str, expected: str) -> None:
    count = str(len(words.split()) - 1)
    asked = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
    command = [str(Path(sys.executable).with_name("zoo"))]
    done = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert expected in done.stdout.splitlines()
