"""Whether a data set in a folder is whole: samples, balance of classes, contents.

entry, folder of data -> a Check for each benchmark
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import DatasetEntry
from zoo.data.contents import files_digest, samples_digest
from zoo.data.super_resolution import images_in


@dataclass(frozen=True)
class Check:
    """What one benchmark's data is, or what is wrong with it."""

    benchmark: str  # its id; the data set's name if it has no benchmark
    samples: int = 0  # that can be read
    problem: str = ""  # in a sentence; "" if it is whole


def check(entry: DatasetEntry, data: Path) -> Iterator[Check]:
    """Check every benchmark of a data set, and its contents where a sum is known."""
    for name in entry.benchmarks:
        yield _check_benchmark(name, entry, data)
    if not entry.benchmarks:
        files = images_in(data / entry.path)
        yield Check(entry.name, len(files), _contents_problem(files_digest(files), entry))


def _check_benchmark(name: str, entry: DatasetEntry, data: Path) -> Check:
    benchmark = BENCHMARKS[name]
    try:
        samples: Any = benchmark.open(data)
        count = len(samples)
        if count != benchmark.size:
            return Check(name, count, f"{count:,} samples instead of {benchmark.size:,}")
        problem = ""
        if expected := entry.per_class.get(benchmark.split):
            problem = _balance_problem(_labels(samples), benchmark.classes, expected)
        if entry.contents and not problem:
            problem = _contents_problem(samples_digest(samples), entry)
        samples[0], samples[count - 1]
    except (LookupError, ValueError, OSError) as error:
        return Check(name, 0, str(error))
    return Check(name, count, problem)


def _labels(samples: Any) -> Sequence[int]:
    """Return all labels without decoding an image."""
    if hasattr(samples, "rows"):  # of parquet files
        return list(samples.rows[samples.columns[1]])
    labels: Sequence[int] = getattr(samples, "labels", None) or samples.targets
    return labels


def _balance_problem(labels: Sequence[int], classes: int, expected: int) -> str:
    counts = Counter(labels)
    wrong = [label for label in range(classes) if counts[label] != expected]
    if not wrong:
        return ""
    first = wrong[0]
    return f"class {first} has {counts[first]:,} samples instead of {expected:,}"


def _contents_problem(digest: str, entry: DatasetEntry) -> str:
    return "" if digest == entry.contents else f"its files are not those of {entry.home}"
