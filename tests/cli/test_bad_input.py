"""Numbers and files that no command expects end in one sentence, without a traceback."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.test_image_reading import bomb
from tests.support.cli import run_cli

USUAL = ("nan", "-1", str(2**64), "x")
NUMBERS = ["nan", "inf", "-inf", "-1", "1e-40", "1e308", str(2**64), "1.5", "x", ""]
GENERATE = ("generate", "gpt2_nano", "--prompt", "ab", "--max-new-tokens", "1")
COMMANDS = {
    (*GENERATE, "--temperature", "1"): ("--temperature", "--top-k", "--top-p", "--seed"),
    ("check", "wrn16_1.zoo_digits", "--limit", "2"): ("--batch-size", "--limit"),
    ("report",): ("--port",),
    ("ledger", "list"): ("--since", "--kind"),
    ("train", "no.py:x", "--out", "run"): ("--seed",),
    ("upscale", "no.png"): ("--scale", "--tile"),
    ("diagnose", "wrn16_1.zoo_digits", "--benchmark", "x"): ("--limit", "--pairs"),
}


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=[pytest.mark.slow] * (n not in USUAL)) for n in NUMBERS]
)
@pytest.mark.parametrize(
    ("command", "option"), [(c, option) for c, options in COMMANDS.items() for option in options]
)
def test_command_with_any_number_ends_without_traceback(
    command: tuple[str, ...], option: str, number: str
) -> None:
    done = run_cli(*command, option, number)  # any other exception fails here
    assert done.code in (0, 1, 2)
    assert done.code == 0 or done.err.strip()


@pytest.mark.parametrize("scale", ["0", "-1", "nan"])
def test_score_bad_scale_is_refused(scale: str, tmp_path: Path) -> None:
    assert run_cli("score", "--sr", tmp_path, "--hr", tmp_path, "--scale", scale).code == 2


def test_score_hostile_image_is_named(tmp_path: Path) -> None:
    for name in ("sr", "hr"):
        (tmp_path / name).mkdir()
        bomb(tmp_path / name / "a.png")
    done = run_cli("score", "--sr", tmp_path / "sr", "--hr", tmp_path / "hr", "--scale", "2")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "a.png is not an image that can be read" in done.err


def test_score_json_has_no_infinity(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    for name in ("sr", "hr"):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "a.png")
    arguments = ("--sr", tmp_path / "sr", "--hr", tmp_path / "hr", "--scale", "2", "--json")
    done = run_cli("score", *arguments)
    assert '"psnr": null' in done.out
    assert "Infinity" not in done.out


@pytest.mark.parametrize("verb", ["list", "verify"])
def test_ledger_folder_named_like_a_record_is_named(verb: str, tmp_path: Path) -> None:
    (tmp_path / "000001-20260101T000000Z-x.json").mkdir()
    done = run_cli("ledger", verb, "--ledger", tmp_path)
    assert done.code in (1, 2)
    assert done.err.endswith("x.json is no record of a ledger\n")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 10_000, b"\0"])
def test_train_file_that_is_no_python_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "recipe.py").write_bytes(content)
    done = run_cli("train", f"{tmp_path / 'recipe.py'}:x", "--out", tmp_path / "run")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "recipe.py is no Python file: " in done.err


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_generate_precision_is_taken(precision: str) -> None:
    assert run_cli(*GENERATE, "--precision", precision).code == 0
    assert "one of fp32, bf16, fp16" in run_cli(*GENERATE, "--precision", "fp8").err


def test_show_spread_without_mean_prints_no_none() -> None:
    done = run_cli("show", "resnet50.tv_in1k")
    assert "74.95 % (± 0.01)" in done.out
    assert "None" not in done.out
