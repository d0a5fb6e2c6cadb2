"""Time our networks and their peers, in one process, in turn.

    python -m eval.speed rcan_x4 carn_m wrn28_10 [--train] [--carn DIR] [--rounds 10] [--record]

A round runs every contestant once; the ratio is the median over the rounds of the peer's seconds
to ours. Ours run as they are (eager, float32), super-resolution as `zoo upscale` runs it
(channels_last, inference mode), classifiers by zoo.optimize, on a batch; with --train, steps of
SGD. The memory of a classifier is the peak of a process of its own, the median of five (the same
network varies by a tenth). Peers: timm, or for CIFAR pytorchcv; the dependency group `parity` has
spandrel's RCAN; the authors' CARN, if DIR is a checkout of nmhkahn/CARN-pytorch. Weights are
random.
"""

import argparse
import copy
import importlib
import json
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from zoo.evaluation.environment import environment
from zoo.evaluation.ledger import published
from zoo.evaluation.memory import PeakMemory
from zoo.inference.optimize import optimize
from zoo.models._builder import build_model
from zoo.models._registry import get_entry

Run = Callable[[torch.Tensor], Any]
Make = Callable[[], Any]  # returns a Run
Turn = Callable[[], Any]
SIZE = 128  # pixels of the small image, each side
PROCESSES = 5  # whose peak memory is measured


def spandrel_rcan(ours: nn.Module) -> Run:
    """Return spandrel's network with our tensors, on a copy of its input, which it changes."""
    from spandrel import ModelLoader

    peer = ModelLoader(device="cpu").load_from_state_dict(ours.state_dict()).model.eval()
    return lambda x: peer(x.clone())


def authors_carn(ours: nn.Module, checkout: Path) -> Run:
    sys.path.insert(0, str(checkout / "carn"))
    module: Any = importlib.import_module("model.carn_m")
    peer = module.Net(multi_scale=True, group=4).eval()
    return lambda x: peer(x, 4)


def as_upscale_runs(ours: nn.Module) -> Run:
    ready: Any = ours.to(memory_format=torch.channels_last)

    def run(x: torch.Tensor) -> Any:
        with torch.inference_mode():
            return ready(x.contiguous(memory_format=torch.channels_last))

    return run


CIFAR = {  # our name: pytorchcv's
    "resnet110": "resnet110_cifar10",
    "preresnet164": "preresnet164bn_cifar10",
    "wrn28_10": "wrn28_10_cifar10",
}


def peer(name: str) -> dict[str, Make]:
    """Return how to make the same network of timm or pytorchcv, if one of them has it."""
    if timm.is_model(name):
        return {"timm": partial(timm.create_model, name)}
    provider: Any = importlib.import_module("pytorchcv.model_provider")
    return {"pytorchcv": partial(provider.get_model, CIFAR[name])} if name in CIFAR else {}


def classifiers(name: str, x: torch.Tensor) -> dict[str, Make]:
    """Return how to make ours as it is, ours optimized for such images, and a peer, if any."""

    def optimized() -> Run:
        ready: Any = optimize(build_model(name).eval(), example=x)
        print(f"{name}: {ready.optimized}")
        return ready

    def plain(make: Make) -> Run:
        ready: Run = make().eval()
        return ready

    ours = partial(plain, partial(build_model, name))
    peers = {who: partial(plain, make) for who, make in peer(name).items()}
    return {"ours": ours, "ours, optimized": optimized, **peers}


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
    networks = {**ours, "ours, checkpointing": checkpointing, **peer(name)}
    return {who: partial(training, make) for who, make in networks.items()}


def step(network: Any) -> Run:
    """Return a step of SGD with momentum on images, whose classes are all 0."""
    optimizer = torch.optim.SGD(network.train().parameters(), lr=0.01, momentum=0.9)

    def run(x: torch.Tensor) -> None:
        with torch.enable_grad():
            optimizer.zero_grad()
            target = torch.zeros(len(x), dtype=torch.long)
            nn.functional.cross_entropy(network(x), target).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return run


def upscalers(name: str, checkout: Path | None) -> dict[str, Make]:
    """Return how to make ours, and a peer with its tensors."""
    ours = build_model(name).eval()
    makers: dict[str, Make] = {
        "ours": lambda: ours,
        "ours as upscale": lambda: as_upscale_runs(copy.deepcopy(ours)),
    }
    if name.startswith("rcan"):
        makers["spandrel"] = partial(spandrel_rcan, ours)
    if name == "carn_m" and checkout:
        makers["authors"] = partial(authors_carn, ours, checkout)
    return makers


def contestants(name: str, train: bool, x: torch.Tensor) -> dict[str, Make]:
    """Return {contestant: how to make it} for a classifier of ours and its peer."""
    return learners(name) if train else classifiers(name, x)


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
    """Return rows: median peak bytes of each contestant, and the ratio to the peer's."""
    names = list(contestants(name, train, torch.empty(0)))
    runs = {who: partial(twice, name, who, train, shape) for who in names}
    turns = [{who: peak_bytes(run) for who, run in runs.items()} for _ in range(PROCESSES)]
    peaks = {who: statistics.median(turn[who] for turn in turns) for who in names}
    base = next((who for who in names if not who.startswith("ours")), "ours")
    title = f"{name}, memory of a step" if train else f"{name}, memory"
    return [
        {"model": title, "who": who, "bytes": peak, "against": base, "ratio": peak / peaks[base]}
        for who, peak in peaks.items()
    ]


def race(runs: Mapping[str, Turn], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Return seconds of each contestant in each round after the warm-up. Each round has a random
    order, so that no contestant always runs after the same one."""
    seconds: dict[str, list[float]] = {who: [] for who in runs}
    order, shuffle = list(runs), random.Random(0).shuffle
    with torch.no_grad():
        for number in track(range(rounds + warm_up), "rounds", console=Console(stderr=True)):
            shuffle(order)
            for who in order:
                start = time.perf_counter()
                result = runs[who]()
                end = time.perf_counter()
                del result  # may take long, and is not timed
                if number >= warm_up:
                    seconds[who].append(end - start)
    return seconds


def compare_times(
    name: str, seconds: dict[str, list[float]], base: str = ""
) -> list[dict[str, Any]]:
    """Return rows: median seconds, and median and quartiles of the ratio of the seconds of `base`
    (by default the peer, else ours as it is) to them."""
    base = base or next((who for who in seconds if not who.startswith("ours")), "ours")
    rows = []
    for who, times in seconds.items():
        ratios = [b / t for b, t in zip(seconds[base], times, strict=True)]
        low, middle, high = statistics.quantiles(
            ratios if len(ratios) > 1 else 2 * ratios, n=4, method="inclusive"
        )
        row = {"model": name, "who": who, "seconds": statistics.median(times), "against": base}
        rows.append({**row, "ratio": middle, "quartiles": [round(low, 4), round(high, 4)]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--train", action="store_true", help="time steps of training")
    parser.add_argument("--carn", type=Path, help="checkout of nmhkahn/CARN-pytorch")
    parser.add_argument("--batch", type=int, default=8, help="images a batch of a classifier")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    torch.manual_seed(0)
    rows, shapes = [], {}
    for name in options.models:
        entry = get_entry(name)
        shape = (
            (options.batch, *entry.cfg["input_size"]) if entry.is_classifier else (1, 3, SIZE, SIZE)
        )
        x, shapes[name] = torch.rand(shape), list(shape)
        if entry.is_classifier:
            makers = contestants(name, options.train, x)
        else:
            makers = upscalers(name, options.carn)
        runs = {who: partial(make(), x) for who, make in makers.items()}
        title = f"{name}, a step of training" if options.train else name
        rows += compare_times(title, race(runs, options.rounds))
        del runs
        rows += memory(name, options.train, shape) if entry.is_classifier else []
    title = "training steps" if options.train else "images"
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
