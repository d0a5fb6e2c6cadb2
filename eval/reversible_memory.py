"""Measure the memory of a training step of RevCol by its number of columns (2212.11696).

    python -m eval.reversible_memory [--columns 2 4 8 16] [--size revcol_tiny] [--record]

A step is a forward and a backward pass of a batch of images in float32, in a process of its own.
all: every activation is kept; columns: the levels of each column; last: those of the last alone.
Memory is the resident peak beyond imports, less parameters and gradients, which grow with the
columns in any case; glibc gives freed tensors back at once (RETURNS). Errors are of the gradients,
against those in float64.
"""

import argparse
import os
from functools import partial
from typing import Any

import torch

from eval.speed import peak_bytes, report
from zoo.models._builder import build_model

KEPT: dict[str, dict[str, Any]] = {
    "all": {"enable": False},
    "columns": {"columns": 1},
    "last": {"columns": 0},
}
FLOAT = 4  # bytes
RETURNS = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def step(name: str, columns: int, kept: str, batch: int, pixels: int, dtype: torch.dtype) -> Any:
    """Run one step with random weights, the same for all; return its network."""
    torch.manual_seed(0)
    network: Any = build_model(name, columns=columns).to(dtype).train()
    network.set_grad_checkpointing(**KEPT[kept])
    x = torch.randn(batch, 3, pixels, pixels).to(dtype)
    network(x).square().mean().backward()
    return network


def gradients(network: Any) -> torch.Tensor:
    """Return all gradients as one vector, in float64."""
    return torch.cat([parameter.grad.flatten().double() for parameter in network.parameters()])


def rows_of(name: str, columns: int, batch: int, pixels: int) -> list[dict[str, Any]]:
    """Return a row of bytes and of the gradients' error for each way of keeping activations."""
    expected = gradients(step(name, columns, "all", 1, pixels, torch.float64))
    rows: list[dict[str, Any]] = []
    for kept in KEPT:
        run = partial(step, name, columns, kept, batch, pixels, torch.float32)
        actual = gradients(step(name, columns, kept, 1, pixels, torch.float32))
        rows.append(
            {
                "model": f"{name}, {columns} columns",
                "who": f"{kept} kept",
                "bytes": peak_bytes(run) - 2 * FLOAT * len(actual),
                "error": float((actual - expected).norm() / expected.norm()),
                "against": "all kept",
            }
        )
    return [row | {"ratio": row["bytes"] / rows[0]["bytes"]} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--columns", type=int, nargs="+", default=[2, 4, 8, 16])
    parser.add_argument("--size", default="revcol_tiny")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--pixels", type=int, default=224)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    os.environ.update(RETURNS)  # of the processes that are measured
    rows: list[dict[str, Any]] = []
    for columns in options.columns:
        rows += rows_of(options.size, columns, options.batch, options.pixels)
        for row in rows[-len(KEPT) :]:
            print(f"{row['model']}, {row['who']}: gradients {row['error']:.1e} off", flush=True)
    setting = {"batch": options.batch, "pixels": options.pixels}
    title = "memory of reversible columns" if options.record else ""
    report(rows, 1, setting, title)


if __name__ == "__main__":
    main()
