"""Super-resolution networks on any images: folders, parquet files, a data set on the Hub.

Small images that are missing are made by MATLAB's bicubic reduction, or by blur and decimation.
"""

from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.contents import samples_digest
from zoo.data.image_reading import to_mode
from zoo.data.imresize import Pixels
from zoo.data.super_resolution import DEGRADATIONS, Pair, Pairs, images_in, modcrop
from zoo.evaluation.custom.labelled_images import from_hub, parquet, parquet_files
from zoo.evaluation.custom.networks import Network
from zoo.evaluation.custom.request import DataError, Request, Samples, find_protocol
from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator
from zoo.inference.upscaling import resolve_model
from zoo.papers.protocols import SuperResolutionProtocol, to_record

COLUMNS = ("hr", "lr")  # of rows, unless a request names others
SPLIT = "validation"


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


def open_samples(request: Request, network: Network) -> Samples:
    """Return an evaluator of pairs of images. Raises DataError, or DatasetNotFoundError."""
    protocol = SuperResolutionProtocol()  # the whole image at once
    if request.protocol:
        protocol = find_protocol(SuperResolutionProtocol, request.protocol)
    benchmark = BENCHMARKS.get(request.benchmark)
    scale = benchmark.scale if benchmark else request.scale
    if not scale:
        name = request.benchmark
        raise DataError(f"{name} is no benchmark of super-resolution, so it needs --scale")
    resolve_model(network.model, scale)
    pairs, version = (
        (benchmark.open(request.data), benchmark.version) if benchmark else _open_pairs(request)
    )
    evaluator = SuperResolutionEvaluator(network.module, pairs, protocol, scale)
    return Samples(evaluator, request.benchmark, version, to_record(protocol))


def _open_pairs(request: Request) -> tuple[Any, str]:
    """Return pairs that are no benchmark, and their version. Raises DataError."""
    name, scale, split = request.benchmark, request.scale, request.split or SPLIT
    degrade = partial(DEGRADATIONS[request.degradation], scale=scale)
    if request.degradation == "bi":
        degrade = partial(degrade, border=request.border)
    small = request.small or f"{request.degradation}, {request.border}"
    version, folder = f"{split}, x{scale}, {small}", Path(name)
    rows = parquet(folder)
    pairs: Any
    if rows is None and folder.is_dir():
        if not (files := images_in(folder)):
            raise DataError(f"{folder} holds no images (.png, .bmp, .tif)")
        pairs = Pairs(files, scale, degrade, request.small)
    else:
        large, low = COLUMNS
        columns = request.columns[0] or large, request.columns[1] or low
        rows = _cast(from_hub(name, split) if rows is None else rows, columns, name)
        pairs = Rows(rows, columns, scale, degrade, parquet_files(folder))
    return pairs, f"{version}, sha256 {samples_digest(pairs)[:16]}"


def _cast(rows: Any, columns: tuple[str, str], name: str) -> Any:
    """Return rows whose columns hold images. Raises DataError without the first column."""
    if columns[0] not in rows.column_names:
        raise DataError(f"{name} has no column {columns[0]!r}; name one of {rows.column_names}")
    for column in columns:
        if column in rows.column_names:
            rows = rows.cast_column(column, datasets.Image())
    return rows
