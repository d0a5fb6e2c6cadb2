"""Python commands in processes of their own that start at once: torch and the zoo are imported
before, in a process from which each of them is forked."""

import multiprocessing
import os
import runpy
import signal
import socket
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from tests.conftest import ROOT

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "zoo.cli.check",
        "zoo.claims.check",
        "zoo.evaluation.engine",
        "zoo.data.digits",
        "zoo.training",
    ]
)


def _run(command: tuple[str, ...], environment: dict[str, str], output: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    for stream, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(output.with_suffix(suffix), os.O_CREAT | os.O_WRONLY, 0o600), stream)
    sys.argv = list(command)
    if command[0] == "-m":
        sys.argv = list(command[1:])
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(command[0], run_name="__main__")


def start(*command: str, output: Path, **variables: str) -> BaseProcess:
    """Start `python COMMAND`: "-m", a module and arguments, or a script and arguments.

    Args:
        command: what Python is to run.
        output: what it prints goes to this path with the suffixes .out and .err.
        variables: of its environment, beside those of this process.
    """
    environment = {**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", **variables}
    process = CONTEXT.Process(target=_run, args=(command, environment, output), daemon=True)
    process.start()
    return process


def start_group(processes: int, *command: str, folder: Path) -> list[BaseProcess]:
    """Start a command on so many processes of a group, as torchrun would; what they print goes to
    RANK.out and RANK.err of the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    size = str(processes)
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": size}
    group["LOCAL_WORLD_SIZE"] = size
    ranks = [str(rank) for rank in range(processes)]
    return [
        start(*command, output=folder / rank, **group, RANK=rank, LOCAL_RANK=rank) for rank in ranks
    ]


def on_processes(processes: int, *command: str) -> str:
    """Run a command on so many processes of a group; return what they print."""
    with TemporaryDirectory() as name:
        started = start_group(processes, *command, folder=Path(name))
        for process in started:
            process.join(300)
            process.kill()
            process.join()
        out, err = (
            "".join(path.read_text() for path in sorted(Path(name).glob(f"*.{stream}")))
            for stream in ("out", "err")
        )
    assert [process.exitcode for process in started] == processes * [0], err
    return out
