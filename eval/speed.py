"""Seconds of our networks and of their peers, in one process, in turn.

    python -m eval.speed rcan_x4 carn_m wrn28_10 [--train] [--carn DIR] [--rounds 10] [--record]

A round runs every contestant once; the ratio is the median over the rounds of the peer's seconds
to ours. Ours run as they are (eager, float32), those that enlarge as `zoo upscale` runs them
(channels_last, inference mode), classifiers by zoo.optimize, on a batch; with --train, steps
of SGD. The memory of a classifier is the most that a process of its own takes, the median of five
(one and the same network takes a tenth more or less, as the heap falls out). Peers: timm, or for
CIFAR pytorchcv; the dependency group `parity` has spandrel's RCAN; the authors' CARN, if DIR is a
checkout of nmhkahn/CARN-pytorch. Weights do not matter to a time: all are drawn.
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
Make = Callable[[], Any]  # of a Run
Turn = Callable[[], Any]
SIZE = 128  # pixels of the small image, each side
PROCESSES = 5  # whose memory is looked at


def spandrel_rcan(ours: nn.Module) -> Run:
    """spandrel's network with our tensors; it multiplies what it is given, so it gets a copy."""
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


CIFAR = {  # their names for ours
    "resnet110": "resnet110_cifar10",
    "preresnet164": "preresnet164bn_cifar10",
    "wrn28_10": "wrn28_10_cifar10",
}


def peer(name: str) -> dict[str, Make]:
    """The same network of timm or pytorchcv, if one of them has it."""
    if timm.is_model(name):
        return {"timm": partial(timm.create_model, name)}
    provider: Any = importlib.import_module("pytorchcv.model_provider")
    return {"pytorchcv": partial(provider.get_model, CIFAR[name])} if name in CIFAR else {}


def classifiers(name: str, x: torch.Tensor) -> dict[str, Make]:
    """How to make ours as it is, ours optimized for such images, and a peer's, if there is."""

    def optimized() -> Run:
        ready: Any = optimize(build_model(name).eval(), example=x)
        print(f"{name}: {ready.optimized}")
        return ready

    def plain(make: Make) -> Run:
        ready: Run = make().eval()
        return ready

    made: dict[str, Make] = {"ours": partial(build_model, name), **peer(name)}
    found: dict[str, Make] = {who: partial(plain, make) for who, make in made.items()}
    return {"ours": found.pop("ours"), "ours, optimized": optimized, **found}


def learners(name: str) -> dict[str, Make]:
    """How to make what runs steps of training: of ours, without and with checkpoints of its
    activations, and of a peer's."""

    def sparing() -> Any:
        network: Any = build_model(name)
        network.set_grad_checkpointing()
        return network

    def learning(make: Make) -> Run:
        return step(make())

    ours: dict[str, Make] = {"ours": partial(build_model, name)}
    found = {**ours, "ours, checkpointing": sparing, **peer(name)}
    return {who: partial(learning, make) for who, make in found.items()}


def step(network: Any) -> Run:
    """Images -> one step of SGD with momentum, whose classes are all 0."""
    optimizer = torch.optim.SGD(network.train().parameters(), lr=0.01, momentum=0.9)

    def run(x: torch.Tensor) -> None:
        with torch.enable_grad():
            optimizer.zero_grad()
            target = torch.zeros(len(x), dtype=torch.long)
            nn.functional.cross_entropy(network(x), target).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return run


def upscalers(name: str, checkout: Path | None) -> dict[str, Make]:
    """How to make ours, and a peer with its tensors."""
    ours = build_model(name).eval()
    found: dict[str, Make] = {"ours": lambda: ours}
    found |= {"ours as upscale": lambda: as_upscale_runs(copy.deepcopy(ours))}
    if name.startswith("rcan"):
        found["spandrel"] = partial(spandrel_rcan, ours)
    if name == "carn_m" and checkout:
        found["authors"] = partial(authors_carn, ours, checkout)
    return found


def contestants(name: str, train: bool, x: torch.Tensor) -> dict[str, Make]:
    """{who: how to make what runs} for a classifier of ours and its peer."""
    return learners(name) if train else classifiers(name, x)


def most(load: Callable[[], Any]) -> int:
    """The most bytes that were resident while a process of its own does something, beyond those
    that were when it had imported what it needs."""
    context = multiprocessing.get_context("spawn")
    held = context.Value("q", 0)
    process = context.Process(target=watched, args=(load, held))
    process.start()
    process.join()
    return int(held.value)


def watched(load: Callable[[], Any], held: Any) -> None:
    for make in (build_model, timm.create_model):
        with torch.device("meta"):
            make("resnet18")
    peak = PeakMemory(torch.device("cpu"))
    before = peak.bytes()
    load()
    held.value = peak.bytes() - before


def twice(name: str, who: str, train: bool, shape: Sequence[int]) -> None:
    """A contestant is made and runs: the second time with all that a first one leaves behind."""
    x = torch.rand(tuple(shape))
    run = contestants(name, train, x)[who]()
    with torch.no_grad():
        for _ in range(2):
            run(x)


def memory(name: str, train: bool, shape: Sequence[int]) -> list[dict[str, Any]]:
    """Rows: the most bytes that each contestant takes, the median, and the share of the peer's."""
    names = list(contestants(name, train, torch.empty(0)))
    runs = {who: partial(twice, name, who, train, shape) for who in names}
    turns = [{who: most(run) for who, run in runs.items()} for _ in range(PROCESSES)]
    held = {who: statistics.median(turn[who] for turn in turns) for who in names}
    base = next((who for who in names if not who.startswith("ours")), "ours")
    told = f"{name}, memory of a step" if train else f"{name}, memory"
    return [
        {"model": told, "who": who, "bytes": bytes_, "against": base, "ratio": bytes_ / held[base]}
        for who, bytes_ in held.items()
    ]


def race(runs: Mapping[str, Turn], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after those that are not counted. Each round has an
    order of its own: what one leaves behind, in memory and caches, is not always the same one's."""
    seconds: dict[str, list[float]] = {who: [] for who in runs}
    order, shuffle = list(runs), random.Random(0).shuffle
    with torch.no_grad():
        for number in track(range(rounds + warm_up), "rounds", console=Console(stderr=True)):
            shuffle(order)
            for who in order:
                start = time.perf_counter()
                made = runs[who]()
                end = time.perf_counter()
                del made  # which may take long, and is nobody's work
                if number >= warm_up:
                    seconds[who].append(end - start)
    return seconds


def compared(name: str, seconds: dict[str, list[float]], base: str = "") -> list[dict[str, Any]]:
    """Rows: median seconds, and the median ratio of those of `base` (the peer, else ours as it is)
    to them, with its quartiles."""
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
    parser.add_argument("--train", action="store_true", help="steps of training")
    parser.add_argument("--carn", type=Path, help="checkout of nmhkahn/CARN-pytorch")
    parser.add_argument("--batch", type=int, default=8, help="images of a classifier")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--record", action="store_true", help="adds to eval/results")
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
        told = f"{name}, a step of training" if options.train else name
        rows += compared(told, race(runs, options.rounds))
        del runs
        rows += memory(name, options.train, shape) if entry.is_classifier else []
    what = "training steps" if options.train else "images"
    report(rows, options.rounds, {"inputs": shapes}, what if options.record else "")


def report(rows: list[dict[str, Any]], rounds: int, setting: dict[str, Any], what: str) -> None:
    """Prints the rows; with a name of what they are of, adds them to the published ledger."""
    table = Table("network", "who", "median", "times as fast (or as large) as")
    for row in rows:
        ratio = f"{row['ratio']:.2f} x {row['against']}"
        size = f"{row['bytes'] / 2**30:.2f} GiB" if "bytes" in row else f"{row['seconds']:.3f} s"
        table.add_row(row["model"], row["who"], size, ratio)
    Console().print(table)
    if what:
        record = {
            "kind": "speed",
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "what": what,
            "rows": rows,
            "rounds": rounds,
            "setting": {**setting, "cpu": torch.backends.cpu.get_cpu_capability()},
            **environment(torch.device("cpu")),
        }
        print(json.dumps(published().add(record)))


if __name__ == "__main__":
    main()
