"""Time our networks and what one would otherwise take, in one process, in turn.

    python -m eval.speed [rcan_x4 carn_m wrn28_10] [--carn DIR] [--rounds 20] [--record]
    python -m eval.speed resnet50 --dtype bfloat16
    python -m eval.speed resnet50 --train
    python -m eval.speed resnet50 --memory

A round runs every contestant for a tenth of a second, a slow one once; the ratio is the median over
the rounds of the best peer's seconds to ours. Ours run as they are (eager, float32) and by
zoo.optimize, super-resolution also as `zoo upscale` runs it (channels_last, inference mode). Peers:
the same network of timm, for CIFAR of pytorchcv, for RCAN of spandrel (dependency group `parity`),
or the authors' CARN, if DIR is a checkout of nmhkahn/CARN-pytorch; and that network, or else ours,
by torch.compile with frozen weights, ONNX Runtime and OpenVINO. With --dtype bfloat16, classifiers
in bfloat16, all but ONNX Runtime's, which has none on a CPU; images are float32 for each of them.
With --train, steps of SGD beside the peer's; with --memory, the peak of a process for each
contestant, the median of five (the same network varies by a tenth). Weights are random. Without
names, the networks of docs/performance.md.
"""

import argparse
import copy
import json
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import timm
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from eval import peers
from eval.peers import Make, Run
from zoo.evaluation.environment import environment
from zoo.evaluation.ledger import published
from zoo.evaluation.memory import PeakMemory
from zoo.inference.optimize import optimize
from zoo.inference.optimize.timing import take_turn
from zoo.inference.tiling import AtScale
from zoo.models._builder import build_model
from zoo.models._registry import get_entry

Turn = Callable[[], Any]
SIZE = 128  # pixels of the small image, each side
SCALE = 4  # of super-resolution
NETWORKS = (  # without names
    *("resnet20", "resnet110", "preresnet164", "wrn28_10"),
    *("resnet18", "resnet50", "resnext50_32x4d", "res2net50_26w_4s", "rdnet_tiny"),
)
DTYPES = ("float32", "bfloat16")
PROCESSES = 5  # whose peak memory is measured


def classifiers(name: str, x: Tensor, dtype: torch.dtype) -> dict[str, Make]:
    """Return how to make ours as it is, ours optimized for such images, and peers."""
    ours = partial(build_model, name)
    ((who, theirs),) = peers.peer(name).items() or [("eager", ours)]
    return {
        "ours": lambda: peers.InType(ours().eval(), dtype),
        "ours, optimized": lambda: optimized(ours(), x, dtype),
        **peers.with_compilers(who, theirs, x, dtype),
    }


def optimized(network: nn.Module, x: Tensor, dtype: torch.dtype = torch.float32) -> Any:
    ready: Any = optimize(network, example=x, dtype=None if dtype == x.dtype else dtype)
    print(ready.optimized)
    return ready


def learners(name: str) -> dict[str, Make]:
    """Return how to make training steps of ours, without and with activation checkpoints, and of a
    peer, if any."""

    def checkpointing() -> Any:
        network: Any = build_model(name)
        network.set_grad_checkpointing()
        return network

    def training(make: Make) -> Run:
        return step(make())

    ours: dict[str, Make] = {"ours": partial(build_model, name)}
    networks = {**ours, "ours, checkpointing": checkpointing, **peers.peer(name)}
    return {who: partial(training, make) for who, make in networks.items()}


def step(network: Any) -> Run:
    """Return a step of SGD with momentum on images, whose classes are all 0."""
    optimizer = torch.optim.SGD(network.train().parameters(), lr=0.01, momentum=0.9)

    def run(x: Tensor) -> None:
        with torch.enable_grad():
            optimizer.zero_grad()
            target = torch.zeros(len(x), dtype=torch.long)
            nn.functional.cross_entropy(network(x), target).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return run


def upscalers(name: str, checkout: Path | None, x: Tensor) -> dict[str, Make]:
    """Return how to make ours, as it is, as `zoo upscale` runs it and optimized, and peers."""
    ours = AtScale(build_model(name).eval(), SCALE)
    who, theirs = "eager", cast(nn.Module, ours)
    if name.startswith("rcan"):
        who, theirs = "spandrel", peers.spandrel_rcan(ours.network)
    if name == "carn_m" and checkout:
        who, theirs = "authors", peers.authors_carn(checkout)
    return {
        "ours": lambda: ours,
        "ours as upscale": lambda: peers.as_upscale_runs(copy.deepcopy(ours)),
        "ours, optimized": lambda: optimized(ours, x),
        **peers.with_compilers(who, lambda: theirs, x),
    }


def contestants(
    name: str, train: bool, x: Tensor, dtype: torch.dtype = torch.float32
) -> dict[str, Make]:
    """Return {contestant: how to make it} for a classifier of ours and its peer."""
    return learners(name) if train else classifiers(name, x, dtype)


def peak_bytes(load: Callable[[], Any]) -> int:
    """Return the peak of resident bytes in a process that runs `load`, beyond its imports."""
    context = multiprocessing.get_context("spawn")
    peak = context.Value("q", 0)
    process = context.Process(target=_measure_peak, args=(load, peak))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("the process whose memory is measured failed; its error is above")
    return int(peak.value)


def _measure_peak(load: Callable[[], Any], result: Any) -> None:
    for make in (build_model, timm.create_model):
        with torch.device("meta"):
            make("resnet18")
    peak = PeakMemory(torch.device("cpu"))
    before = peak.bytes()
    load()
    result.value = peak.bytes() - before


def twice(name: str, who: str, train: bool, shape: Sequence[int]) -> None:
    """Make a contestant and run it twice: the second run has what the first leaves in memory."""
    x = torch.rand(tuple(shape))
    run = contestants(name, train, x)[who]()
    with torch.no_grad():
        for _ in range(2):
            run(x)


def memory(name: str, train: bool, shape: Sequence[int]) -> list[dict[str, Any]]:
    """Return rows: median peak bytes of each contestant, and the ratio to the smallest peer's."""
    names = list(contestants(name, train, torch.empty(0)))
    runs = {who: partial(twice, name, who, train, shape) for who in names}
    turns = [{who: peak_bytes(run) for who, run in runs.items()} for _ in range(PROCESSES)]
    peaks = {who: statistics.median(turn[who] for turn in turns) for who in names}
    base = best_peer(peaks)
    title = f"{name}, memory of a step" if train else f"{name}, memory"
    return [
        {"model": title, "who": who, "bytes": peak, "against": base, "ratio": peak / peaks[base]}
        for who, peak in peaks.items()
    ]


def best_peer(medians: Mapping[str, float]) -> str:
    """Return the peer that takes least; without one, ours as it is."""
    others = [who for who in medians if not who.startswith("ours")]
    return min(others, key=medians.__getitem__, default="ours")


def race(runs: Mapping[str, Turn], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Return seconds of each contestant in each round after the warm-up. Each round has a random
    order, so that no contestant always runs after the same one; see `take_turn`."""
    seconds: dict[str, list[float]] = {who: [] for who in runs}
    order, shuffle = list(runs), random.Random(0).shuffle
    with torch.no_grad():
        for number in track(range(rounds + warm_up), "rounds", console=Console(stderr=True)):
            shuffle(order)
            for who in order:
                taken = take_turn(partial(_ignoring, runs[who]), torch.empty(0))
                if number >= warm_up:
                    seconds[who].append(taken)
    return seconds


def _ignoring(turn: Turn, example: Tensor) -> Any:
    return turn()


def compare_times(
    name: str, seconds: dict[str, list[float]], base: str = ""
) -> list[dict[str, Any]]:
    """Return rows: median seconds, and median and quartiles of the ratio of the seconds of `base`
    (by default the fastest peer, else ours as it is) to them."""
    base = base or best_peer({who: statistics.median(times) for who, times in seconds.items()})
    rows = []
    for who, times in seconds.items():
        ratios = [b / t for b, t in zip(seconds[base], times, strict=True)]
        low, middle, high = statistics.quantiles(
            ratios if len(ratios) > 1 else 2 * ratios, n=4, method="inclusive"
        )
        row = {"model": name, "who": who, "seconds": statistics.median(times), "against": base}
        rows.append({**row, "ratio": middle, "quartiles": [round(low, 4), round(high, 4)]})
    return rows


def measure(name: str, options: argparse.Namespace, x: Tensor) -> list[dict[str, Any]]:
    """Make and race the contestants of a network; return their rows."""
    if not get_entry(name).is_classifier:
        makers = upscalers(name, options.carn, x)
    elif options.memory:
        return memory(name, options.train, x.shape)
    else:
        makers = contestants(name, options.train, x, getattr(torch, options.dtype))
    runs, details = dict[str, Turn](), dict[str, dict[str, Any]]()
    for who, make in makers.items():
        start = time.perf_counter()
        run = make()
        with torch.no_grad():
            run(x)
        details[who] = {"preparation": round(time.perf_counter() - start, 2)}
        if report := getattr(run, "optimized", None):
            details[who] |= {"backend": report.backend, "steps": report.steps}
        runs[who] = partial(run, x)
    title = f"{name}, a step of training" if options.train else name
    rows = compare_times(title, race(runs, options.rounds))
    torch.compiler.reset()  # it compiles the code that networks share eight times at most
    return [row | details[row["who"]] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", default=NETWORKS)
    parser.add_argument("--train", action="store_true", help="time steps of training")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    parser.add_argument("--dtype", default="float32", choices=DTYPES, help="of forward passes")
    parser.add_argument("--carn", type=Path, help="checkout of nmhkahn/CARN-pytorch")
    parser.add_argument("--batch", type=int, default=8, help="images a batch of a classifier")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    are_classifiers = all(get_entry(name).is_classifier for name in options.models)
    if options.dtype != "float32" and (options.train or options.memory or not are_classifiers):
        parser.error("--dtype is for times of classifiers' forward passes alone")
    os.environ["ZOO_BACKENDS"] = ""  # every backend is chosen anew
    torch._inductor.config.force_disable_caches = True  # and compiled anew
    rows, shapes = [], dict[str, list[int]]()
    for name in options.models:
        entry = get_entry(name)
        size = (options.batch, *entry.cfg["input_size"])
        shapes[name] = list(size if entry.is_classifier else (1, 3, SIZE, SIZE))
        torch.manual_seed(0)
        rows += measure(name, options, torch.rand(shapes[name]))
    kind = "training steps" if options.train else "images"
    kind += "" if options.dtype == "float32" else f" in {options.dtype}"
    title = f"memory of {kind}" if options.memory else kind
    report(rows, options.rounds, {"inputs": shapes}, title if options.record else "")


def report(rows: list[dict[str, Any]], rounds: int, setting: dict[str, Any], title: str) -> None:
    """Print rows; with a title, add them to the published ledger."""
    table = Table("network", "who", "median", "times as fast (or as large) as")
    for row in rows:
        ratio = f"{row['ratio']:.2f} x {row['against']}"
        size = f"{row['bytes'] / 2**30:.2f} GiB" if "bytes" in row else f"{row['seconds']:.3f} s"
        table.add_row(row["model"], row["who"], size, ratio)
    Console().print(table)
    if title:
        record = {
            "kind": "speed",
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "what": title,
            "rows": rows,
            "rounds": rounds,
            "setting": {**setting, "cpu": torch.backends.cpu.get_cpu_capability()},
            **environment(torch.device("cpu")),
        }
        print(json.dumps(published().add(record)))


if __name__ == "__main__":
    main()
