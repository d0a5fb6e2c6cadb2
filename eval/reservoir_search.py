"""Choose scales and layers of the networks of 2508.21172 for each generated task.

    python -m eval.reservoir_search [--models deepresesn_r ...] [--tasks narma30 ...]

The paper's own choices were not read. For each task and network, 48 settings are drawn from VALUES,
by a seed, and the one with the best score on the validation split, the mean of three networks, is
written to the family's hyperparameters.json; the test split is not looked at. What is in the file
already is not searched again. Deep networks have 2 or 5 layers, of 100 units each or of 100
together.
"""

import argparse
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import isfinite
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from zoo._io import read_json, write_json
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.sequences import Sequences
from zoo.evaluation.evaluators.sequence_regression import FIGURES, total
from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.papers.protocols import SequenceProtocol
from zoo.papers.weights import MODELS_DIR
from zoo.training.reservoir import fit_readout

FILE = MODELS_DIR / "deepresesn" / "hyperparameters.json"
MODELS = ("leaky_esn", "deep_esn", "deepresesn_r", "deepresesn_c", "deepresesn_i")
# Those among which the authors' settings of ResRMN (2508.09925) and their notebook choose.
VALUES: dict[str, tuple[float, ...]] = {
    "alpha": (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0),
    "beta": (0.0001, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0),
    "rho": (0.9, 1.0, 1.1),
    "in_scaling": (0.01, 0.1, 1.0),
    "bias_scaling": (0.0, 0.01, 0.1, 1.0),
}
DRAWS = 48
SEEDS = (1000, 1001, 1002)  # of the networks that are tried: others than those that are reported
L2 = 0.0  # as in the authors' notebook


def structures(model: str) -> list[dict[str, Any]]:
    """Return what cannot differ among networks that run side by side."""
    if get_entry(model).args.get("layers") == 1:
        return [{}]
    return [{"layers": n, "concatenate": c} for n, c in product((2, 5), (False, True))]


def draw_scales(draw: random.Random, *, leaky: bool) -> dict[str, float]:
    """Return scales of a layer; of a leaky one, alpha + beta = 1."""
    scales = {name: draw.choice(values) for name, values in VALUES.items()}
    return scales | {"alpha": round(1 - scales["beta"], 4)} if leaky else scales


def candidates(model: str, task: str) -> Iterator[list[dict[str, Any]]]:
    """Yield arguments of the network, those of one structure together."""
    draw, leaky = random.Random(f"{model} {task}"), model.endswith("_esn")
    groups = structures(model)
    for structure in groups:
        group = []
        for _ in range(DRAWS // len(groups)):
            scales = {"first": draw_scales(draw, leaky=leaky)}
            if structure:
                scales["inner"] = draw_scales(draw, leaky=leaky)
            group.append(structure | scales)
        yield group


def states_of(networks: Sequence[nn.Module], split: Sequences) -> Tensor:
    """Return the states of networks of one structure: (networks, N, T, units)."""
    parameters, buffers = stack_module_state(list(networks))
    base: Any = networks[0]

    class States(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = base

        def forward(self, x: Tensor) -> Tensor:
            return self.network.states(x)

    shared = States()
    values = {f"network.{key}": value for key, value in {**parameters, **buffers}.items()}
    x = torch.from_numpy(split.x).float()
    return vmap(lambda tensors: functional_call(shared, tensors, x))(values)


@torch.no_grad()
def scores_of(model: str, test: Any, group: Sequence[Mapping[str, Any]], seed: int) -> list[float]:
    """Return the scores on the validation split of networks of one structure, by one seed."""
    washout = SequenceProtocol().washout
    networks: list[Any] = []
    for arguments in group:
        torch.manual_seed(seed)
        sizes = {"inputs": test.x.shape[-1], "outputs": test.y.shape[-1]}
        networks.append(build_model(model, **sizes, **arguments))
    splits = [test.training, test.validation]
    states = [states_of(networks, split)[:, :, washout:] for split in splits]
    targets = [split.y[:, washout:] for split in splits]
    scores = []
    for i, network in enumerate(networks):
        readout, flat = network.readout, states[0][i].flatten(0, 1)
        fit_readout(readout, flat, targets[0].reshape(len(flat), -1), L2)
        output = readout(states[1][i]).double()
        pairs = zip(output, torch.from_numpy(targets[1]), strict=True)
        scores.append(total([FIGURES[test.metric](*pair) for pair in pairs]))
    return scores


def search(model: str, task: str) -> tuple[float, dict[str, Any]]:
    """Return the best mean score on the validation split, and the arguments that gave it."""
    test: Any = BENCHMARKS[f"sequences/{task}"].open()
    results: list[tuple[float, dict[str, Any]]] = []
    for group in candidates(model, task):
        by_seed = [scores_of(model, test, group, seed) for seed in SEEDS]
        results += zip(map(fmean, zip(*by_seed, strict=True)), group, strict=True)
    best = max if test.metric == "memory_capacity" else min
    return best((r for r in results if isfinite(r[0])), key=lambda result: result[0])


def main() -> None:
    tasks = [b.split for b in BENCHMARKS.values() if b.dataset == "sequences"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks, metavar="TASK")
    options = parser.parse_args()
    stored: Mapping[str, Any] = read_json(FILE) if FILE.exists() else {}
    networks = {model: dict(stored.get("networks", {}).get(model, {})) for model in MODELS}
    for task, model in product(options.tasks, options.models):
        key = f"sequences/{task}"
        if key in networks[model]:
            continue
        score, arguments = search(model, task)
        networks[model][key] = {"arguments": arguments, "l2": L2}
        write_json(FILE, {"tag": "zoo_search", "networks": networks})
        print(f"{task} {model}: {score:.5f} by {arguments}", flush=True)


if __name__ == "__main__":
    main()
