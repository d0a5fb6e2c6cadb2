"""Seconds of our networks and of their peers, in one process, in turn.

    python -m eval.speed rcan_x4 carn_m [--carn DIR] [--rounds 10] [--record]

A round runs every contestant once; the ratio is the median over the rounds of the peer's seconds
to ours. Ours run as they are (eager, float32) and as `zoo upscale` runs them (channels_last,
inference mode). Peers: spandrel's RCAN (the dependency group `parity`), and the authors' CARN, if
DIR is a checkout of nmhkahn/CARN-pytorch. Weights do not matter to a time: all are drawn.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from zoo import registry
from zoo.evaluation.works import machine
from zoo.ledger import published

Run = Callable[[torch.Tensor], Any]
Turn = Callable[[], Any]
SIZE = 128  # pixels of the small image, each side


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


def contestants(name: str, checkout: Path | None) -> dict[str, Run]:
    """{who: how to run it} for a network of ours and its peer."""
    ours, again = (registry.network(name).eval() for _ in range(2))
    found: dict[str, Run] = {"ours": ours, "ours as upscale": as_upscale_runs(again)}
    if name.startswith("rcan"):
        found["spandrel"] = spandrel_rcan(ours)
    if name == "carn_m" and checkout:
        found["authors"] = authors_carn(ours, checkout)
    return found


def race(runs: Mapping[str, Turn], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after one that is not counted."""
    seconds: dict[str, list[float]] = {who: [] for who in runs}
    with torch.no_grad():
        for number in track(range(rounds + 1), "rounds", console=Console(stderr=True)):
            for who, run in runs.items():
                start = time.perf_counter()
                run()
                if number:
                    seconds[who].append(time.perf_counter() - start)
    return seconds


def compared(name: str, seconds: dict[str, list[float]], base: str = "") -> list[dict[str, Any]]:
    """Rows: median seconds, and the median ratio of those of `base` (the peer, else ours as it is)
    to them."""
    base = base or next((who for who in seconds if not who.startswith("ours")), "ours")
    return [
        {
            "model": name,
            "who": who,
            "seconds": statistics.median(times),
            "against": base,
            "ratio": statistics.median(b / t for b, t in zip(seconds[base], times, strict=True)),
        }
        for who, times in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--carn", type=Path, help="checkout of nmhkahn/CARN-pytorch")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--record", action="store_true", help="adds to eval/results")
    options = parser.parse_args()
    torch.manual_seed(0)
    x = torch.rand(1, 3, SIZE, SIZE)
    rows = []
    for name in options.models:
        runs = {who: partial(run, x) for who, run in contestants(name, options.carn).items()}
        rows += compared(name, race(runs, options.rounds))
    report(rows, options.rounds, {"input": list(x.shape)}, "speed" if options.record else "")


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
            "setting": setting,
            **machine(torch.device("cpu")),
        }
        print(json.dumps(published().add(record)))


if __name__ == "__main__":
    main()
