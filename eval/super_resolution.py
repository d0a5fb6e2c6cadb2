"""Evaluate a super-resolution network on any pairs of images, on any number of processes.

    python -m eval.super_resolution rcan_tiny_x2.zoo_photos --benchmark photos/bi_x2
    python -m eval.super_resolution rcan_x4.safetensors --model rcan_x4 --benchmark set5/bi_x4 \\
        --data DIR --protocol rcan/bi-plus
    python -m eval.super_resolution NAME --benchmark DIR_OF_LARGE [--small DIR] --scale 3 \\
        [--degradation bd] [--border symmetric]
    python -m eval.super_resolution NAME --benchmark eugenesiow/Set5 --split validation --scale 2
    python -m eval.super_resolution NAME --benchmark DIR_OR_FILE.parquet --columns hr lr --scale 2
    accelerate launch --num_processes 2 -m eval.super_resolution ...

Prints one JSON record: PSNR and SSIM on Y, of each image and their means. Small images that are
missing are made by MATLAB's bicubic reduction. With --out a killed run resumes.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from torch import nn

from eval.data import from_hub, parquet, parquet_files
from eval.record import (
    add_options,
    find_protocol,
    measure,
    pinned_sha256,
    required_model,
    run_script,
)
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.contents import samples_digest
from zoo.data.image_reading import to_mode
from zoo.data.imresize import BORDERS, Pixels
from zoo.data.super_resolution import DEGRADATIONS, Pair, Pairs, images_in, modcrop
from zoo.distributed import ProcessGroup
from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator
from zoo.inference import upscaling
from zoo.models._factory import create
from zoo.models._registry import parse_name, stored_counts
from zoo.papers.protocols import SuperResolutionProtocol, to_record


class Rows:
    """Pairs from a `datasets` data set: a column of large images and an optional one of small."""

    def __init__(
        self, rows: Any, columns: tuple[str, str], scale: int, degrade: Any, files: list[Path]
    ) -> None:
        self.rows, self.columns, self.scale, self.degrade = rows, columns, scale, degrade
        self.files, self.fingerprint = files, str(getattr(rows, "_fingerprint", ""))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Pair:
        row = self.rows[index]
        large = modcrop(np.asarray(to_mode(row[self.columns[0]], "RGB")), self.scale)
        image = row.get(self.columns[1])
        small: Pixels = self.degrade(large) if image is None else np.asarray(to_mode(image, "RGB"))
        return Pair(str(index), large, small)


def load(options: argparse.Namespace) -> tuple[nn.Module, str]:
    """Return the network and the sha256 of its weights (empty for one without parameters)."""
    path = Path(options.weights)
    if path.suffix == ".safetensors":
        return upscaling.load(required_model(options), options.scale, path), file_sha256(path)
    name = upscaling.resolve_model(options.weights, options.scale)
    if stored_counts(parse_name(name)[0]).get("params") == 0:
        return create(name), ""
    model = upscaling.load(name, options.scale)
    return model, pinned_sha256(model)


def open_pairs(options: argparse.Namespace) -> tuple[Any, int, str | int]:
    """Return the pairs, their scale, and the version of the benchmark.

    Raises:
        ValueError: There is no such data set, or it lacks images, columns or --scale.
        DatasetNotFoundError: The benchmark's data is not there.
    """
    name, scale = options.benchmark, options.scale
    benchmark = BENCHMARKS.get(name)
    if benchmark and benchmark.task == "super-resolution":
        return benchmark.open(options.data), benchmark.scale, benchmark.version
    if benchmark:
        raise ValueError(f"{name} is a benchmark of {benchmark.task}, not of super-resolution")
    if not scale:
        raise ValueError(f"{name} is no benchmark of super-resolution, so it needs --scale")
    degrade = partial(DEGRADATIONS[options.degradation], scale=scale)
    if options.degradation == "bi":
        degrade = partial(degrade, border=options.border)
    small = options.small or f"{options.degradation}, {options.border}"
    version = f"{options.split}, x{scale}, {small}"
    folder = Path(name)
    rows = parquet(folder)
    if rows is None and folder.is_dir():
        if not (files := images_in(folder)):
            raise ValueError(f"{folder} holds no images (.png, .bmp, .tif)")
        pairs = Pairs(files, scale, degrade, options.small)
        return pairs, scale, f"{version}, sha256 {samples_digest(pairs)[:16]}"
    rows = _cast(from_hub(name, options.split) if rows is None else rows, options.columns, name)
    samples = Rows(rows, tuple(options.columns), scale, degrade, parquet_files(folder))
    return samples, scale, f"{version}, sha256 {samples_digest(samples)[:16]}"


def _cast(rows: Any, columns: list[str], name: str) -> Any:
    """Return rows whose columns hold images. Raises ValueError without the first column."""
    if columns[0] not in rows.column_names:
        raise ValueError(f"{name} has no column {columns[0]!r}; name one of {rows.column_names}")
    for column in columns:
        if column in rows.column_names:
            rows = rows.cast_column(column, datasets.Image())
    return rows


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    protocol = SuperResolutionProtocol()  # the whole image at once
    if options.protocol:
        protocol = find_protocol(SuperResolutionProtocol, options.protocol)
    pairs, options.scale, version = open_pairs(options)
    model, sha256 = load(options)
    key = {
        "sha256": sha256,
        "benchmark": options.benchmark,
        "benchmark_version": version,
        "protocol": to_record(protocol),
    }
    evaluator = SuperResolutionEvaluator(model, pairs, protocol, options.scale)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument(
        "--benchmark", required=True, help="a benchmark, a folder, parquet files or a Hub data set"
    )
    parser.add_argument("--small", type=Path, help="folder of the small images")
    parser.add_argument("--scale", type=int, default=0, help="scale, unless a benchmark has it")
    parser.add_argument("--degradation", choices=sorted(DEGRADATIONS), default="bi")
    parser.add_argument("--border", choices=BORDERS, default="replicate")
    parser.add_argument("--split", default="validation", help="split of a Hub data set")
    parser.add_argument("--columns", nargs=2, default=["hr", "lr"], help="columns of the images")
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
