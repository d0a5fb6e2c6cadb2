"""Run checks over names, in a process per core: cheap ones first.

names -> every one whole, on meta -> stand-ins: cheap checks -> export, ONNX, compile -> results

Export is run once for each class and its options; ONNX and torch.compile, which take long, once for
each family. A thorough run exports every stand-in, and each class with its options to ONNX too.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from time import process_time

import torch

from tests.battery import checks
from tests.battery.networks import Network, stand_in

CHECKS: dict[str, checks.Check] = {
    name.removeprefix("check_"): function
    for name, function in vars(checks).items()
    if name.startswith("check_")
}
WHOLE = ("backward",)  # which runs forward too
EXPENSIVE = ("export", "onnx", "compile")  # the first exports, the second uses it


@dataclass(frozen=True)
class Result:
    """What a check said about a name."""

    name: str
    check: str
    whole: bool  # the network itself, without values; else its stand-in
    skipped: str = ""  # why
    error: str = ""
    seconds: float = 0.0  # of processor time, where it was run for this name


def describe(result: Result) -> str:
    """One line about a result."""
    size = "whole" if result.whole else "stand-in"
    said = f"failed: {result.error}" if result.error else result.skipped or "passed"
    return f"{result.name} ({size}) {result.check}: {said}"


def summarise(results: Sequence[Result]) -> str:
    """One line about a task: its names, the number of checks, what failed."""
    names = list(dict.fromkeys(result.name for result in results))
    failed = [result.check for result in results if result.error and result.name == names[0]]
    size = "whole" if results[0].whole else "stand-in"
    said = f"failed: {', '.join(failed)}" if failed else "passed or skipped"
    return f"{' '.join(names)} ({size}), checks: {len(results) // len(names)}, {said}"


@dataclass(frozen=True)
class Task:
    """Checks of one network, and the names that it stands for."""

    network: Network
    checks: Sequence[str]
    names: Sequence[str]


def run_task(task: Task) -> list[Result]:
    """Run the checks of a task, one after the other."""
    results, whole = [], task.network.device == "meta"
    for check in task.checks:
        skipped, error, start = "", "", process_time()
        try:
            CHECKS[check](task.network)
        except checks.Skipped as reason:
            skipped = str(reason)
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
        first = Result(task.names[0], check, whole, skipped, error, process_time() - start)
        results += [first, *(replace(first, name=name, seconds=0.0) for name in task.names[1:])]
    return results


def plan(names: Sequence[str], asked: Sequence[str], thorough: bool = False) -> Iterator[Task]:
    """Yield tasks: cheap ones first, and names whose stand-ins are equal together."""
    whole = [check for check in asked if check in WHOLE]
    yield from (Task(Network(name, device="meta"), whole, [name]) for name in names if whole)
    groups: dict[str, tuple[Network, list[str]]] = {}
    for name in names:
        network = stand_in(name)
        kind = repr((network.entry.target, sorted({**network.entry.args, **network.args}.items())))
        groups.setdefault(kind, (network, []))[1].append(name)
    cheap = [check for check in asked if check not in EXPENSIVE]
    yield from (Task(network, cheap, same) for network, same in groups.values() if cheap)
    seen: set[tuple[str, str]] = set()
    for network, same in groups.values():
        family, path = network.entry.family, network.code_path
        onnx, export = (path, same[0]) if thorough else (family, path)
        kinds = {"export": export, "onnx": onnx, "compile": family}
        once = [
            check for check in EXPENSIVE if check in asked and (check, kinds[check]) not in seen
        ]
        seen |= {(check, kinds[check]) for check in once}
        if once:
            yield Task(network, once, same)


def prepare() -> None:
    """One thread for each process; a warning of torch's batching rules is no error."""
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "There is a performance drop")


def run(
    names: Sequence[str],
    asked: Sequence[str] = tuple(CHECKS),
    on_progress: Callable[[str], None] = lambda line: None,
    *,
    thorough: bool = False,
) -> list[Result]:
    """Run checks over names, with a process per core; return what each said about each name."""

    def report(future: Future[list[Result]]) -> None:
        if not future.cancelled() and not future.exception():
            on_progress(summarise(future.result()))

    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), prepare) as pool:
        futures = []
        try:
            for task in plan(names, asked, thorough):
                futures.append(pool.submit(run_task, task))
                futures[-1].add_done_callback(report)
            return [result for future in futures for result in future.result()]
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
