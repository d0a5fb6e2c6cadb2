"""Measure what ODE-Net's solver costs: evaluations and errors by tolerance, memory by evaluations.

    python -m eval.ode_solvers WEIGHTS --data DIR [--images 1000] [--record]

WEIGHTS are odenet_mnist_conv.michaelidou or a .safetensors file of one's own training. For each
tolerance: the errors on the first images of mnist/test, the largest difference of a logit from
that at the smallest tolerance, the evaluations of f of a batch of 100, forward and, by the
adjoint, backward (Fig. 3 a to c). For each number of steps of rk4: the bytes that are kept for the
backward pass of one image, with and without the adjoint (Table 1).
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import EvalTransform
from zoo.evaluation.environment import checkout_commit, environment
from zoo.evaluation.ledger import published
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.models.neural_ode.formulas import kept_by
from zoo.models.neural_ode.solvers import Solver
from zoo.models.neural_ode.units import OdeBlock

TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
STEPS = (1, 2, 4, 8, 16)
BATCH = 100
Row = dict[str, Any]


def load(count: int, cfg: Any, data: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of the first images of mnist/test, and their labels."""
    samples, prepare = BENCHMARKS["mnist/test"].open(data), EvalTransform(cfg)
    for start in range(0, count, BATCH):
        pairs = [samples[i] for i in range(start, min(start + BATCH, count))]
        images, labels = zip(*pairs, strict=True)
        yield torch.stack([prepare(image) for image in images]), torch.tensor(labels)


def solve(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, int, int]:
    """Return the logits, and the evaluations of f forward and backward."""
    (block,) = (module for module in network.modules() if isinstance(module, OdeBlock))
    calls: list[int] = []
    handle = block.f.register_forward_hook(lambda *_: calls.append(1))
    logits = network(images)
    forward = len(calls)
    nn.functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
    handle.remove()
    return logits.detach(), forward, len(calls) - forward


def by_tolerance(network: nn.Module, batches: list[tuple[Tensor, Tensor]], name: str) -> list[Row]:
    """Return a row for each tolerance, the smallest first."""
    (block,) = (module for module in network.modules() if isinstance(module, OdeBlock))
    labels = torch.cat([labels for _, labels in batches])
    rows: list[Row] = []
    exact = torch.empty(0)
    for tolerance in sorted(TOLERANCES):
        block.solver = Solver(tolerance=tolerance, adjoint=True)
        progress = track(batches, f"tolerance {tolerance:g}", console=Console(stderr=True))
        logits, forward, backward = zip(
            *(solve(network, *batch) for batch in progress), strict=True
        )
        all_logits = torch.cat(logits)
        exact = exact if len(exact) else all_logits
        rows.append(
            {
                "model": name,
                "who": f"tolerance {tolerance:g}",
                "against": f"tolerance {min(TOLERANCES):g}",
                "wrong": int((all_logits.argmax(1) != labels).sum()),
                "difference": float((all_logits - exact).abs().max()),
                "evaluations": sum(forward) / len(batches),
                "backward": sum(backward) / len(batches),
            }
        )
    return rows


def by_steps(model: str) -> list[Row]:
    """Return a row for each number of steps of rk4, which are four evaluations each."""
    rows = []
    for steps in STEPS:
        kept = [
            kept_by(model, solver={"method": "rk4", "steps": steps, "adjoint": adjoint})
            for adjoint in (True, False)
        ]
        who = f"adjoint, {4 * steps} evaluations"
        row = {"model": model, "who": who, "against": "no adjoint", "evaluations": 4 * steps}
        rows.append({**row, "bytes": kept[0], "bytes_without": kept[1], "ratio": kept[0] / kept[1]})
    return rows


def show(rows: list[Row], *columns: str) -> None:
    table = Table(*columns)
    for row in rows:
        values = (row[column] for column in columns)
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="a name, or a .safetensors file")
    parser.add_argument("--data", type=Path, required=True, help="folder with mnist or mnist_idx")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    checkout_commit()  # cached: the record names the code that was loaded
    network = create(options.weights, pretrained=True)
    cfg = pretrained_cfg(network)
    batches = list(load(options.images, cfg, options.data))
    tolerances = by_tolerance(network, batches, options.weights)
    show(tolerances, "who", "wrong", "difference", "evaluations", "backward")
    steps = by_steps(cfg["architecture"])
    show(steps, "evaluations", "bytes", "bytes_without")
    if options.record:
        record = {
            "kind": "speed",
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "what": "solver of an ODE-Net",
            "made_by": "eval/ode_solvers.py",
            "rows": tolerances + steps,
            "rounds": 1,
            "setting": {"images": options.images, "batch": BATCH},
            **environment(torch.device("cpu")),
        }
        published().add(record)


if __name__ == "__main__":
    main()
