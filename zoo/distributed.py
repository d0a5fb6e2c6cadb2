"""The processes that share a measurement: one, or those that torchrun or accelerate started."""

import ctypes
import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import psutil

if TYPE_CHECKING:
    import torch


TRIM_THRESHOLD, MMAP_MAX = -1, -4  # parameters of glibc's mallopt


def retain_freed_memory() -> None:
    """From now on, memory that is freed stays with this process, where that is glibc's to say.

    glibc gives large tensors back to the system as they are freed. The next one comes page by page,
    each of them zeroed by the system, which was a fifth of ResNet-50's time on two cores.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, -1)


Result = TypeVar("Result")
DEVICES = ("auto", "cpu", "cuda")


class LaunchError(ValueError):
    """Processes that are not those that were asked for; the message says what to do."""


@dataclass(frozen=True)
class ProcessGroup:
    """All processes: `size` of them, of which this one is `rank`."""

    rank: int
    size: int
    device: "torch.device"

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def gather(self, mine: Result) -> list[Result]:
        """What every process has, by rank."""
        from accelerate.utils import gather_object

        return list(gather_object([mine])) if self.size > 1 else [mine]

    def shared(self, mine: Result) -> Result:
        """What the main process has, everywhere."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([mine])[0] if self.size > 1 else mine

    def main_first(self, make: Callable[[], Result]) -> Result:
        """`make`, called by the main process before all others. What it raises anywhere is raised
        everywhere."""
        found: dict[str, Result] = {}
        for turn in (self.is_main, not self.is_main):
            error = None
            if turn:
                try:
                    found["it"] = make()
                except Exception as raised:
                    error = raised
            self.agree(error)
        return found["it"]

    def agree(self, error: Exception | None) -> None:
        """Raises the first error that any process has, on all of them: none waits for another."""
        told = next((e for e in self.gather(_plain(error)) if e), None)
        if error is not None and self.size == 1:
            raise error
        if told is not None:
            raise told


def _plain(error: Exception | None) -> Exception | None:
    """An error that can be sent to another process."""
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def init(device: str = "auto", processes: int = 0) -> ProcessGroup:
    """This process among those that it was started with, on the GPU if there is one and `device`
    does not say otherwise. Cores of a machine are shared out to its processes, and on a CPU
    these keep memory that they have freed.

    Raises WorldError unless there are as many as `processes`, or as the launcher was asked for.
    """
    if device not in DEVICES:
        raise LaunchError(f"a device is one of {', '.join(DEVICES)}, not {device!r}")
    import torch
    from accelerate import PartialState

    if device == "cuda" and not torch.cuda.is_available():
        raise LaunchError("there is no GPU that this torch can use; say --device cpu")
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    state = PartialState(cpu=True) if on_cpu else PartialState()
    launcher, asked = _requested_processes()
    wanted = processes or asked
    if wanted and wanted != state.num_processes:
        raise LaunchError(
            f"{launcher or 'the command'} was asked for {wanted} processes, and there are "
            f"{state.num_processes}: start them by `torchrun --nproc_per_node {wanted} -m ...`"
        )
    here = int(os.environ.get("LOCAL_WORLD_SIZE", state.num_processes))
    if here > 1 and on_cpu and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // here))
    if on_cpu:
        retain_freed_memory()
    return ProcessGroup(state.process_index, state.num_processes, torch.device(state.device))


def _requested_processes() -> tuple[str, int]:
    """(launcher, how many processes it was asked for), 0 if it was not, or there is none."""
    if "WORLD_SIZE" in os.environ:
        return "torchrun", int(os.environ["WORLD_SIZE"])
    parent = psutil.Process().parent()
    try:
        line = " ".join(parent.cmdline()) if parent else ""
    except psutil.Error:
        line = ""
    found = re.search(r"accelerate\S* launch .*(?:--num_processes|-n)[ =](\d+)", line)
    return ("accelerate launch", int(found[1])) if found else ("", 0)


def shutdown() -> None:
    """Leaves the other processes, at the end of a command."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
