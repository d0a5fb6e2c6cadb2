"""The process group of an evaluation: one process, or those that a launcher started."""

import ctypes
import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
TRIM_THRESHOLD, MMAP_MAX = -1, -4  # parameters of glibc's mallopt


class LaunchError(ValueError):
    """A process group other than the requested one; the message says how to start it."""


@dataclass(frozen=True)
class ProcessGroup:
    """This process among all that share the work."""

    rank: int  # of this process, from 0
    size: int  # number of processes
    device: "torch.device"  # that this process computes on

    @property
    def is_main(self) -> bool:
        """True for the process that writes and prints."""
        return self.rank == 0

    def gather(self, value: Result) -> list[Result]:
        """Return the value of every process, by rank."""
        from accelerate.utils import gather_object

        return list(gather_object([value])) if self.size > 1 else [value]

    def broadcast(self, value: Result) -> Result:
        """Return the main process's value on every process."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0] if self.size > 1 else value

    def main_process_first(self, function: Callable[[], Result]) -> Result:
        """Call `function` on the main process, then on the others; raise its error on all."""
        results: list[Result] = []
        for is_turn in (self.is_main, not self.is_main):
            error = None
            if is_turn:
                try:
                    results.append(function())
                except Exception as raised:
                    error = raised
            self.raise_everywhere(error)
        return results[0]

    def raise_everywhere(self, error: Exception | None) -> None:
        """Raise the first error that any process has on all of them, so that none waits."""
        if self.size == 1 and error is not None:
            raise error
        if first_error := next(filter(None, self.gather(_picklable(error))), None):
            raise first_error


def _picklable(error: Exception | None) -> Exception | None:
    """Return an error that can be sent to another process."""
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def accelerator() -> str:
    """Return the kind of accelerator that torch can use on this machine, or "cpu"."""
    import torch

    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return device.type if device and device.type in DEVICES else "cpu"


def choose_device(device: str = "auto") -> str:
    """Return the kind of device for an option: "auto" is the accelerator if there is one.

    Raises:
        LaunchError: no such kind, or torch cannot use one on this machine.

    Example:
        >>> choose_device("cpu")
        'cpu'
    """
    if device not in DEVICES:
        raise LaunchError(f"a device is one of {', '.join(DEVICES)}, not {device!r}")
    here = accelerator()
    if device not in ("auto", "cpu", here):
        others = "" if here == "cpu" else f"{here} or "
        raise LaunchError(f"torch can use no {device} here; say --device {others}cpu")
    return here if device == "auto" else device


def init(device: str = "auto", processes: int = 0) -> ProcessGroup:
    """Join the process group that a launcher started, or form one of this process alone.

    On a CPU the cores of the machine are divided among its processes, and freed memory is kept.

    Args:
        device: one of DEVICES; "auto" for the accelerator if there is one.
        processes: required number of processes; 0 for what the launcher was asked for.

    Raises:
        LaunchError: for another number of processes, or a device that is not there.
    """
    on_cpu = choose_device(device) == "cpu"
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=True) if on_cpu else PartialState()
    launcher, requested = requested_processes()
    expected = processes or requested
    if expected and expected != state.num_processes:
        raise LaunchError(
            f"{launcher or 'the command'} was asked for {expected} processes, and there are "
            f"{state.num_processes}: start them by `torchrun --nproc_per_node {expected} -m ...`"
        )
    on_this_machine = int(os.environ.get("LOCAL_WORLD_SIZE", state.num_processes))
    if on_this_machine > 1 and on_cpu and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // on_this_machine))
    if on_cpu:
        retain_freed_memory()
    return ProcessGroup(state.process_index, state.num_processes, torch.device(state.device))


def requested_processes() -> tuple[str, int]:
    """Return the launcher and the number of processes it was asked for; ("", 0) without one.

    `accelerate launch --num_processes N` starts a single process on a machine without N GPUs and
    leaves no trace of N in the environment, so it is read from the launcher's command line.
    """
    import psutil

    if "WORLD_SIZE" in os.environ:
        return "torchrun", int(os.environ["WORLD_SIZE"])
    if "ACCELERATE_MIXED_PRECISION" not in os.environ:  # set by every `accelerate launch`
        return "", 0
    try:
        parent = psutil.Process().parent()
        command = " ".join(parent.cmdline()) if parent else ""
    except psutil.Error:
        command = ""
    option = re.search(r"accelerate\S* launch .*(?:--num[_-]processes|-n)[ =](\d+)", command)
    return ("accelerate launch", int(option[1])) if option else ("", 0)


def retain_freed_memory() -> None:
    """Keep freed memory in this process, on systems with glibc.

    By default glibc returns large tensors to the system, which zeroes each page of the next one:
    a fifth of ResNet-50's time on two cores.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, -1)


def shutdown() -> None:
    """Leave the process group at the end of a command."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
