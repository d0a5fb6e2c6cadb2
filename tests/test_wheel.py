"""The wheel holds zoo/ alone, and runs from an environment and a folder of its own."""

import json
import lzma
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from zoo.evaluation import ledger
from zoo.evaluation.ledger import LedgerError

MAX_BYTES = 10_000_000
UV = shutil.which("uv")
ELSEWHERE = ("PYTHONPATH", "VIRTUAL_ENV", "ZOO_DATA")  # names of what is not the wheel's
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")


def call(*command: str, cwd: Path) -> str:
    """A command's output; its error if it fails."""
    env = {k: v for k, v in os.environ.items() if k not in ELSEWHERE}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    call(str(UV), "build", "--wheel", "--out-dir", str(folder), str(ROOT), cwd=folder)
    (built,) = folder.glob("residual_zoo-*.whl")
    return built


@needs_uv
@pytest.mark.slow
def test_wheel_contains_package_and_data_files(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"zoo"}
    data = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "zoo").rglob("*")
        if path.suffix in (".toml", ".json", ".safetensors", ".py", ".j2", ".css", ".js", ".txt")
        and path.parent.name != "__pycache__"  # papers as they were parsed
    }
    assert data <= set(names)
    assert "zoo/py.typed" in names


@needs_uv
@pytest.mark.slow
def test_wheel_is_small_and_carries_the_whole_ledger(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wheel.stat().st_size < MAX_BYTES
    packed = "zoo/evaluation/ledger/published.jsonl.xz"
    path = Path(zipfile.ZipFile(wheel).extract(packed, tmp_path))
    published, held = ledger.published(), ledger.PackedLedger(path)
    monkeypatch.setattr(ledger, "PACKAGED", path)
    assert held.verify() == len(published.paths)
    assert held.records() == published.records()
    assert [p.name for p in held.paths] == [p.name for p in published.paths]
    assert held.last == published.last
    with pytest.raises(LedgerError, match="nothing can be added"):
        held.add({})


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace(b'"seed": 3', b'"seed": 4', 1), r"line \d+ was edited"),
        (lambda text: text.split(b"\n", 1)[1], "does not follow the record before it"),
        (lambda text: text[: text.rindex(b"\n", 0, -1) + 1], "is not the published ledger"),
        (lambda text: b"{\n", "is no packed ledger; install residual-zoo again"),
    ],
)
def test_packed_ledger_with_other_contents_is_refused(
    edit: Callable[[bytes], bytes], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "published.jsonl.xz"
    lines = (b" ".join(p.read_bytes().splitlines()) + b"\n" for p in ledger.published().paths)
    path.write_bytes(lzma.compress(edit(b"".join(lines)), preset=0))
    monkeypatch.setattr(ledger, "PACKAGED", path)
    with pytest.raises(LedgerError, match=message):
        ledger.PackedLedger(path).records()


@needs_uv
@pytest.mark.slow
def test_sdist_rebuilds_to_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    call(str(UV), "build", "--out-dir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (rebuilt,) = tmp_path.glob("*.whl")
    assert rebuilt.name == wheel.name
    assert rebuilt.read_bytes() == wheel.read_bytes()


@needs_uv
@pytest.mark.slow
def test_wheel_installed_in_new_venv_runs_check(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    call(str(UV), "venv", "--python", version, str(tmp_path / "env"), cwd=tmp_path)
    call(str(UV), "pip", "install", "--python", str(python), str(wheel), cwd=tmp_path)
    zoo = str(tmp_path / "env" / "bin" / "zoo")
    where = call(str(python), "-c", "import zoo; print(zoo.__file__)", cwd=tmp_path)
    assert str(tmp_path) in where
    names = ("resnet20", "resnet20.*", "rcan_tiny_x2", "gpt2_nano")
    rows = json.loads(call(zoo, "check", *names, "--json", cwd=tmp_path))
    assert {"reproduced", "not run"} <= {row["status"] for row in rows}
    published = [row for row in rows if row["model"] == "resnet20.akamaster_cifar10"]
    assert [row["status"] for row in published] == ["measured"]
    bundled = [row["status"] for row in rows if row["kind"] == "bundled weights"]
    assert bundled.count("reproduced") > 5  # others need data that is not bundled
    assert set(bundled) <= {"reproduced", "not run"}
