"""Several processes (gloo): every image counted once, training the same twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from zoo.checkpoints.writing import file_sha256
from zoo.models._registry import list_weights

pytestmark = pytest.mark.slow

TRAIN = """
import sys
from pathlib import Path
from tests.training.test_loop import tiny
from zoo.training import train
run = train(tiny(), seed=0, out=Path(sys.argv[1]), quiet=True)
assert run.accelerator.num_processes == 2, run.accelerator.num_processes
run.accelerator.end_training()
"""


ABORTED = "terminate called without an active exception"  # a thread of torch's, at exit


def environment() -> dict[str, str]:
    """Of processes that share a CPU."""
    return {
        **os.environ,
        "ACCELERATE_USE_CPU": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }


def launch(processes: int, *command: str) -> list[str]:
    """The command that starts another on so many processes of this machine."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*launcher, f"--nproc_per_node={processes}", *command]


def torchrun(processes: int, *command: str) -> str:
    """The output of a command on so many processes of this machine. A start whose process torch
    aborts at its exit, as happens once in many on a busy machine, is repeated once."""
    for _ in range(2):
        done = subprocess.run(
            launch(processes, *command),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if ABORTED not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_evaluate_two_processes_match_recorded_counts() -> None:
    out = torchrun(
        2,
        "-m",
        "zoo.cli",
        "evaluate",
        "--json",
        "wrn16_1.zoo_digits",
        "--benchmark",
        "digits/test",
        "--device",
        "cpu",
    )
    (pinned,) = list_weights("wrn16_1")
    recorded = json.loads(pinned.record.read_text())["benchmarks"]["digits/test"]
    record = json.loads(out)
    assert record["processes"] == 2
    score = record["scores"]["error"]
    assert (score["total"] - score["count"], score["total"]) == (recorded["right"], 360)
    assert record["parts"]["wrong"] == recorded["wrong"]


def test_train_two_processes_twice_gives_identical_weights(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(TRAIN)
    for name in ("a", "b"):
        torchrun(2, str(script), str(tmp_path / name))
    sums = {file_sha256(tmp_path / name / "model.safetensors") for name in ("a", "b")}
    assert len(sums) == 1
