"""Several processes (gloo): every image counted once, training the same twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.processes import on_processes
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


def test_evaluate_two_processes_match_recorded_counts() -> None:
    evaluate = ("-m", "zoo.cli", "evaluate", "--json", "wrn16_1.zoo_digits")
    command = launch(2, *evaluate, "--benchmark", "digits/test", "--device", "cpu")
    out = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, check=True)
    (pinned,) = list_weights("wrn16_1")
    recorded = json.loads(pinned.record.read_text())["benchmarks"]["digits/test"]
    record = json.loads(out.stdout)
    assert record["processes"] == 2
    score = record["scores"]["error"]
    assert (score["total"] - score["count"], score["total"]) == (recorded["right"], 360)
    assert record["parts"]["wrong"] == recorded["wrong"]


def test_train_two_processes_twice_gives_identical_weights(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(TRAIN)
    for name in ("a", "b"):
        on_processes(2, str(script), str(tmp_path / name))
    sums = {file_sha256(tmp_path / name / "model.safetensors") for name in ("a", "b")}
    assert len(sums) == 1
