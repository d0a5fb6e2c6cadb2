"""The commit that a record names is clean only if all code is as committed."""

import subprocess
from pathlib import Path

import pytest

from zoo.evaluation import environment

PIN = "zoo/evaluation/ledger/published.json"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed checkout of one file in each folder."""
    files = ("zoo/a.py", "configs/b.py", "eval/c.py", "eval/results/1.json", "docs/d.md", PIN)
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for args in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "a"]):
        subprocess.run(["git", *args], cwd=tmp_path, check=True)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    return tmp_path


def commit() -> str:
    environment.checkout_commit.cache_clear()
    try:
        return environment.checkout_commit()
    finally:
        environment.checkout_commit.cache_clear()


@pytest.mark.parametrize(
    "name", ["zoo/a.py", "zoo/new.py", "configs/b.py", "configs/new.py", "eval/c.py", "eval/new.py"]
)
def test_checkout_commit_changed_or_untracked_code_is_marked(checkout: Path, name: str) -> None:
    assert len(commit()) == 40
    (checkout / name).write_text("2\n")
    assert commit().endswith("+changes")


@pytest.mark.parametrize("name", ["docs/d.md", "eval/results/2.json", "runs.txt", PIN])
def test_checkout_commit_ignores_other_files(checkout: Path, name: str) -> None:
    (checkout / name).write_text("2\n")
    assert len(commit()) == 40
