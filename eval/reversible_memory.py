"""Measure the memory of a training step of a reversible network by its depth.

    python -m eval.reversible_memory [revcol | revbifpn] [--depths 2 4 8 16] [--record]

RevCol (2212.11696) by its columns; RevBiFPN (2206.14098) by the RevSilos after the last level.

A step is a forward and a backward pass of a batch of images in float32, in a process of its own.
all: every activation is kept; columns: the levels of each column; last: the last levels alone.
Memory is the resident peak beyond imports, less parameters and gradients, which grow with the depth
in any case; glibc gives freed tensors back at once (RETURNS). Errors are of the gradients, against
those in float64.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from eval.speed import peak_bytes, report
from zoo.models._builder import build_model

FLOAT = 4  # bytes
RETURNS = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


@dataclass(frozen=True)
class Subject:
    """A network and how it is made deeper."""

    model: str  # its name
    depth: str  # argument of its constructor
    unit: str  # what that counts
    depths: Sequence[int]  # by default
    kept: Mapping[str, Mapping[str, Any]]  # name -> arguments of set_grad_checkpointing


SUBJECTS = {
    "revcol": Subject(
        "revcol_tiny",
        "columns",
        "columns",
        (2, 4, 8, 16),
        {"all": {"enable": False}, "columns": {"columns": 1}, "last": {"columns": 0}},
    ),
    "revbifpn": Subject(
        "revbifpn_s0",
        "fusions",
        "RevSilos",
        (2, 4, 8, 16),
        {"all": {"enable": False}, "last": {"enable": True}},
    ),
}


def step(
    subject: Subject, depth: int, kept: str, batch: int, pixels: int, dtype: torch.dtype
) -> Any:
    """Run one step with random weights, the same for all; return its network."""
    torch.manual_seed(0)
    args: dict[str, Any] = {subject.depth: depth}
    network: Any = build_model(subject.model, **args).to(dtype).train()
    network.set_grad_checkpointing(**subject.kept[kept])
    x = torch.randn(batch, 3, pixels, pixels).to(dtype)
    network(x).square().mean().backward()
    return network


def gradients(network: Any) -> torch.Tensor:
    """Return all gradients as one vector, in float64."""
    return torch.cat([parameter.grad.flatten().double() for parameter in network.parameters()])


def rows_of(subject: Subject, depth: int, batch: int, pixels: int) -> list[dict[str, Any]]:
    """Return a row of bytes and of the gradients' error for each way of keeping activations."""
    few = min(batch, 2)  # one has no deviation at the last level of a small image
    expected = gradients(step(subject, depth, "all", few, pixels, torch.float64))
    rows: list[dict[str, Any]] = []
    for kept in subject.kept:
        run = partial(step, subject, depth, kept, batch, pixels, torch.float32)
        actual = gradients(step(subject, depth, kept, few, pixels, torch.float32))
        rows.append(
            {
                "model": f"{subject.model}, {depth} {subject.unit}",
                "who": f"{kept} kept",
                "bytes": peak_bytes(run) - 2 * FLOAT * len(actual),
                "error": float((actual - expected).norm() / expected.norm()),
                "against": "all kept",
            }
        )
    return [row | {"ratio": row["bytes"] / rows[0]["bytes"]} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", choices=SUBJECTS, nargs="?", default="revcol")
    parser.add_argument("--depths", type=int, nargs="+")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--pixels", type=int, default=224)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    os.environ.update(RETURNS)  # of the processes that are measured
    subject = SUBJECTS[options.network]
    rows: list[dict[str, Any]] = []
    for depth in options.depths or subject.depths:
        rows += rows_of(subject, depth, options.batch, options.pixels)
        for row in rows[-len(subject.kept) :]:
            print(f"{row['model']}, {row['who']}: gradients {row['error']:.1e} off", flush=True)
    setting = {"batch": options.batch, "pixels": options.pixels}
    title = f"memory of reversible {subject.unit}" if options.record else ""
    report(rows, 1, setting, title)


if __name__ == "__main__":
    main()
