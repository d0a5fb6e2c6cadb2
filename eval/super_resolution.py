"""Any network that enlarges images on any pairs, on any number of processes, every image once.

    python -m eval.super_resolution rcan_tiny_x2.zoo_photos --on photos/bi_x2
    python -m eval.super_resolution rcan_x4.safetensors --model rcan_x4 --on set5/bi_x4 \\
        --data DIR --protocol rcan/bi-plus
    python -m eval.super_resolution NAME --on DIR_OF_LARGE [--small DIR] --scale 3 \\
        [--degradation bd] [--border symmetric]
    python -m eval.super_resolution NAME --on eugenesiow/Set5 --split validation --scale 2
    python -m eval.super_resolution NAME --on DIR_OR_FILE.parquet --columns hr lr --scale 2
    accelerate launch --num_processes 2 -m eval.super_resolution ...

Prints one JSON record: PSNR and SSIM on Y, of each image and their means. Small images that are
not given are made by MATLAB's bicubic reduction. With --out a killed run goes on where it was.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from torch import nn

from eval.data import from_hub, parquet
from eval.record import add_options, called, measured, pinned, protocol, run_script
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.imresize import BORDERS, Pixels
from zoo.data.super_resolution import DEGRADATIONS, Pair, Pairs, images_in, modcrop, settings
from zoo.distributed import ProcessGroup
from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator
from zoo.evaluation.spec import to_json
from zoo.inference import upscaling
from zoo.models._factory import create
from zoo.models._registry import parse_name, stored_counts
from zoo.papers.protocols import SuperResolutionProtocol, to_record


class Rows:
    """Rows of a `datasets` data set as pairs: a column of large images and, if there is one, of
    small ones; an image, or the path of one."""

    def __init__(self, rows: Any, columns: tuple[str, str], scale: int, make: Any) -> None:
        self.rows, self.columns, self.scale, self.make = rows, columns, scale, make

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Pair:
        row = self.rows[index]
        large = modcrop(np.asarray(row[self.columns[0]].convert("RGB")), self.scale)
        given = row.get(self.columns[1])
        small: Pixels = self.make(large) if given is None else np.asarray(given.convert("RGB"))
        return Pair(str(index), large, small)


def load(options: argparse.Namespace) -> tuple[nn.Module, str]:
    """The network and the sha256 of its weights ("" if it needs none)."""
    path = Path(options.weights)
    if path.suffix == ".safetensors":
        if not options.model:
            raise ValueError(f"{path} needs --model, the architecture that it is of")
        return upscaling.load(options.model, options.scale, path), file_sha256(path)
    name = upscaling.resolve_model(options.weights, options.scale)
    if stored_counts(parse_name(name)[0]).get("params") == 0:
        return create(name), ""
    model = upscaling.load(name, options.scale)
    return model, pinned(model)


def open_pairs(options: argparse.Namespace) -> tuple[Any, int]:
    """The pairs that the options ask for, and their scale. Raises ValueError, NoDataError."""
    benchmark = BENCHMARKS.get(options.on)
    if benchmark and benchmark.is_text:
        raise ValueError(f"{options.on} is of texts: it is for eval.language_modeling")
    if benchmark and not benchmark.classes:
        return benchmark.open(options.data), settings(options.on)[2]
    if not options.scale:
        raise ValueError(f"{options.on} is no benchmark to enlarge, so it needs --scale")
    make = partial(DEGRADATIONS[options.degradation], scale=options.scale)
    if options.degradation == "bi":
        make = partial(make, border=options.border)
    folder = Path(options.on)
    rows = parquet(folder)
    if rows is None and folder.is_dir():
        if not (files := images_in(folder)):
            raise ValueError(f"{folder} holds no images (.png, .bmp, .tif)")
        return Pairs(files, options.scale, make, options.small), options.scale
    rows = from_hub(options.on, options.split) if rows is None else rows
    for column in options.columns:
        if column in rows.column_names:
            rows = rows.cast_column(column, datasets.Image())
    if options.columns[0] not in rows.column_names:
        raise ValueError(
            f"{options.on} has no column {options.columns[0]!r}; name one of {rows.column_names}"
        )
    return Rows(rows, tuple(options.columns), options.scale, make), options.scale


def evaluate(options: argparse.Namespace, world: ProcessGroup) -> dict[str, Any]:
    """The record of one evaluation, equal on every process but for the times."""
    how = SuperResolutionProtocol()  # all of the image at once
    if options.protocol:
        how = protocol(SuperResolutionProtocol, options.protocol)
    pairs, options.scale = open_pairs(options)
    model, digest = load(options)
    benchmark = BENCHMARKS.get(options.on)
    key = {
        **called(options.weights, model),
        "sha256": digest,
        "benchmark": options.on,
        "benchmark_version": benchmark.version if benchmark else made(options),
        "protocol": to_json(to_record(how)),
    }
    return measured(SuperResolutionEvaluator(model, pairs, how, options.scale), key, options, world)


def made(options: argparse.Namespace) -> str:
    """How the pairs of a data set of one's own are made, in words that differ where they do."""
    small = options.small or f"{options.degradation}, {options.border}"
    return f"{options.split}, x{options.scale}, {small}"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="a network, arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", required=True, help="a benchmark, a folder, or a Hub data set")
    parser.add_argument("--small", type=Path, help="folder of the small images")
    parser.add_argument("--scale", type=int, default=0, help="unless the benchmark says it")
    parser.add_argument("--degradation", choices=sorted(DEGRADATIONS), default="bi")
    parser.add_argument("--border", choices=BORDERS, default="replicate")
    parser.add_argument("--split", default="validation", help="of a Hub data set")
    parser.add_argument("--columns", nargs=2, default=["hr", "lr"], help="of a Hub data set")
    parser.add_argument("--data", type=Path, help="folder of the zoo's benchmarks")
    add_options(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
