"""Speed and memory of the trained networks of a comparison, measured in turn.

trained weights -> rounds of (a training step, a generated text) for each design -> OUT/speed_*.json

In a round every design runs once, in a random order, and is compared with the plain stream of the
same round: other work on the machine slows both. A round that is done is kept.
"""

import copy
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor

from zoo._io import read_json, write_json
from zoo.claims.bench.designs import DESIGNS, PLAIN, Size, fit, recipe_of, subject
from zoo.claims.bench.runs import MADE_BY, load, tokens, trained_weights
from zoo.distributed import accelerator
from zoo.evaluation.environment import environment
from zoo.evaluation.memory import PeakMemory
from zoo.evaluation.statistics import median_interval
from zoo.inference.generation import generate
from zoo.models._factory import create

Turn = Callable[[], object]
ROUNDS = 20  # that each design has beside the plain stream
PROMPT, GENERATED = 64, 128  # bytes
KINDS = ("training", "generation")


def windows(size: Size) -> Tensor:
    """Return the first batch of windows of the validation text, (B, T + 1)."""
    recipe: Any = recipe_of(PLAIN, size)
    shape = recipe.batch_size, recipe.objective.context + 1
    ids = tokens(recipe)[: shape[0] * shape[1]]
    return torch.from_numpy(ids.astype("int64")).view(shape)


def training_step(network: Any, name: str, size: Size, ids: Tensor) -> Turn:
    """Return a turn: one step of the recipe, at a rate of 0 that leaves the weights as they are."""
    recipe, own = recipe_of(name, size), copy.deepcopy(network)
    model: Any = (recipe.around(own) if recipe.around else own).to(ids.device).train()
    optimizer = recipe.optimizer(model.parameters(), lr=0.0)

    def run() -> None:
        optimizer.zero_grad()
        loss: Any = recipe.objective.loss(model(ids[:, :-1]), ids[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()

    return run


def turns_of(name: str, size: Size, weights: Path, device: torch.device) -> dict[str, Turn]:
    """Return a turn of each kind with a trained network."""
    recipe, ids = recipe_of(name, size), windows(size).to(device)
    network = load(recipe, weights).to(device)
    prompt = [ids[0, :PROMPT].tolist()]
    return {
        "training": training_step(network, name, size, ids),
        "generation": lambda: generate(network, prompt, max_new_tokens=GENERATED),
    }


def peak_of_step(name: str, size: Size) -> int:
    """Return the peak memory of training steps in bytes, without that of the imports.

    It is measured in a process of its own.
    """
    context = multiprocessing.get_context("spawn")
    peak = context.Value("q", 0)
    process = context.Process(target=_step_twice, args=(name, size, peak))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"a training step of {name} ended with exit code {process.exitcode}")
    return int(peak.value)


def _step_twice(name: str, size: Size, peak: Any) -> None:
    device, recipe, ids = torch.device(accelerator()), recipe_of(name, size), windows(size)
    memory = PeakMemory(device)
    before = memory.bytes()
    network = create(recipe.model, **recipe.args).to(device)
    run = training_step(network, name, size, ids.to(device))
    del network
    for _ in range(2):  # the second has the optimizer's state
        run()
    peak.value = memory.bytes() - before


def measure(names: Sequence[str], size: Size, out: Path) -> Iterator[str]:
    """Measure the designs that have a finished run, in rounds that are kept in `out`.

    Args:
        names: of DESIGNS.
        size: budget, decoder and recipe.
        out: folder of the runs.

    Yields:
        What is measured next, in words.

    Raises:
        ValueError: the folder has rounds of another device.
    """
    weights = {name: trained_weights(name, size, out) for name in {PLAIN, *names}}
    if not weights[PLAIN]:
        return
    path, device = out / f"speed_{size.name}.json", torch.device(accelerator())
    with FileLock(path.with_suffix(".lock")):
        done: dict[str, Any] = {"rounds": [], "bytes": {}, **environment(device)}
        done |= read_json(path) if path.exists() else {}
        if done["device"] != environment(device)["device"]:
            raise ValueError(f"{path} was measured on {done['device']}; choose another --out")
        for name in sorted({n for n, file in weights.items() if file} - {*done["bytes"]}):
            yield f"memory of {name}"
            done["bytes"][name] = peak_of_step(name, size)
            write_json(path, done)
        turns: dict[str, dict[str, Turn]] = {}
        while missing := [n for n, file in weights.items() if file and _rounds(n, done) < ROUNDS]:
            chosen = list(dict.fromkeys((PLAIN, *missing)))
            for name in (n for n in chosen if n not in turns):
                turns[name] = turns_of(name, size, weights[name] or Path(), device)
                _race({name: turns[name]}, device)  # a warm-up
            yield f"round {min(_rounds(n, done) for n in missing) + 1} of {ROUNDS}"
            done["rounds"].append(_race({name: turns[name] for name in chosen}, device))
            done["date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            write_json(path, done)


def _rounds(name: str, done: dict[str, Any]) -> int:
    return sum(name in seconds for seconds in done["rounds"])


def _race(turns: dict[str, dict[str, Turn]], device: torch.device) -> dict[str, dict[str, float]]:
    """Return {name: {kind: seconds}} of a turn of each."""
    names, seconds = list(turns), dict[str, dict[str, float]]()
    random.shuffle(names)
    for name in names:
        seconds[name] = {}
        for kind, run in turns[name].items():
            start = time.perf_counter()
            run()
            if device.type != "cpu":
                torch.get_device_module(device).synchronize(device)
            seconds[name][kind] = time.perf_counter() - start
    return seconds


def speed_record(size: Size, out: Path) -> dict[str, Any] | None:
    """Return the record of the rounds in a folder, or None without one.

    A row is a design: its parameters, bytes and, of each kind, tokens a second (median) and how
    many times as fast as the plain stream it is (median of the rounds, with an exact interval).
    """
    path = out / f"speed_{size.name}.json"
    done = read_json(path) if path.exists() else {"rounds": []}
    if not done["rounds"]:
        return None
    rounds = done.pop("rounds")
    recipe: Any = recipe_of(PLAIN, size)
    counts = {"training": recipe.batch_size * recipe.objective.context, "generation": GENERATED}
    peaks = done.pop("bytes")
    return {
        "kind": "speed",
        "made_by": MADE_BY,
        "what": size.tag,
        "rows": [
            {
                "model": subject(name),
                "who": name,
                "params": fit(name, size).params,
                "bytes": peaks[name],
                **{kind: _rate(name, kind, rounds, counts[kind]) for kind in KINDS},
            }
            for name in DESIGNS
            if any(name in seconds for seconds in rounds)
        ],
        "rounds": len(rounds),
        "setting": {"prompt": PROMPT, "generated": GENERATED, "batch_size": recipe.batch_size},
        **done,
    }


def _rate(name: str, kind: str, rounds: Sequence[Any], tokens: int) -> dict[str, Any]:
    pairs = [(r[name][kind], r[PLAIN][kind]) for r in rounds if name in r]
    ratios = [plain / own for own, plain in pairs]
    interval = median_interval(ratios)
    return {
        "tokens_per_second": tokens / median(own for own, _ in pairs),
        "ratio": median(ratios),
        **({"interval": list(interval)} if interval else {}),
    }
