"""Files of the UCR archive with drawn series."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.ucr import FOLDER, series_sets

HEADER = "# drawn\n@univariate true\n@data\n"


def write_set(
    data: Path, name: str, classes: Sequence[int], suffix: str = ".ts"
) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Write both splits of a data set in a format; return values and labels of each.

    Series of later classes lie higher.
    """
    series_set = next(each for each in series_sets().values() if each.name == name)
    folder, generator = data / FOLDER / name, np.random.default_rng(0)
    folder.mkdir(parents=True)
    values, labels = {}, {}
    for split, size in (("TRAIN", series_set.train), ("TEST", series_set.test)):
        labels[split] = [classes[i % len(classes)] for i in range(size)]
        heights = np.arange(size)[:, None] % len(classes)
        drawn = heights + 0.3 * generator.standard_normal((size, series_set.steps))
        values[split] = drawn.round(3)
        rows = [",".join(map(str, row)) for row in values[split].tolist()]
        pairs = zip(rows, labels[split], strict=True)
        if suffix == ".ts":
            text = HEADER + "".join(f"{row}:{label}\n" for row, label in pairs)
        else:
            text = "".join(f"{label},{row}\n" for row, label in pairs)
            text = text.replace(",", {"": ",", ".tsv": "\t", ".txt": "  "}[suffix])
        (folder / f"{name}_{split}{suffix}").write_text(text)
    return values, labels


def write_m4(
    data: Path, name: str, size: int, horizon: int
) -> tuple[list[list[float]], list[list[float]]]:
    """Write pasts, of 20 to 99 steps, and futures of a subset of M4; return both."""
    generator = np.random.default_rng(0)
    (data / "m4").mkdir(parents=True)
    series = [
        [(50 + 10 * generator.random(steps)).round(2).tolist() for steps in lengths]
        for lengths in (20 + np.arange(size) % 80, np.full(size, horizon))
    ]
    for part, rows in zip(("train", "test"), series, strict=True):
        longest = max(map(len, rows))
        lines = [",".join(f'"V{i + 1}"' for i in range(longest + 1))]
        for i, row in enumerate(rows):
            cells = [*(f'"{value}"' for value in row), *[""] * (longest - len(row))]
            lines.append(",".join([f'"{name[0]}{i + 1}"', *cells]))
        (data / "m4" / f"{name}-{part}.csv").write_text("\n".join(lines))
    return series[0], series[1]
