"""Data sets of the benchmarks: where they come from, and a folder of data in one layout.

name -> license, size -> download, resumed -> built and checked beside DIR -> DIR/<set>
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from zoo.data.catalog.builders import BUILDERS
from zoo.data.catalog.checks import Check, check
from zoo.data.catalog.entries import DatasetEntry, get_dataset, list_datasets
from zoo.data.catalog.files import fetch, link_or_copy, place, sizes

__all__ = ["Check", "DatasetEntry", "Download", "describe", "get", "list_datasets", "verify"]


@dataclass(frozen=True)
class Download:
    """What `get` would download."""

    entry: DatasetEntry
    bytes: int  # of the files whose size the servers say
    unknown: int  # number of the files whose size they do not say


def describe(name: str) -> Download:
    """Return the license of a data set and what it takes, without a byte of it.

    Raises:
        LookupError: There is no such data set.
    """
    entry = get_dataset(name)
    known = [size for file in entry.files for size in sizes(file)]
    if entry.builder and not entry.files:
        known.append(None)
    total = sum(size for size in known if size is not None)
    return Download(entry, total, known.count(None))


def get(
    name: str,
    folder: str | Path,
    *,
    source: str | Path | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> Path:
    """Write a data set into a folder of data, whole or not at all.

    Args:
        name: Of the data set, see `list_datasets`.
        folder: Folder of data, as --data of other verbs takes it.
        source: Folder of one's own to take the files from, instead of a download.
        on_progress: Called with a line of text before each step.

    Returns:
        The data set's folder. One that is there and whole stays as it is.

    Raises:
        LookupError: There is no such data set, or a library that it needs.
        ValueError: A file cannot be had or is another one, or what is in the folder is not whole.

    Example:
        >>> from zoo.data import catalog
        >>> catalog.get("no_such_set", "data")
        Traceback (most recent call last):
        LookupError: no data set is called 'no_such_set'; there are cifar10, ...
    """
    entry, data = get_dataset(name), Path(folder)
    target = data / entry.path
    work = data / f".{name}.unfinished"
    data.mkdir(parents=True, exist_ok=True)
    with FileLock(data / f".{name}.lock"):
        if target.exists():
            on_progress(f"{name}: checking {target}")
            _require_whole(entry, data, f"{target} is not what it should be")
            return target
        built = work / "built"
        shutil.rmtree(built, ignore_errors=True)
        (built / entry.path).mkdir(parents=True)
        try:
            _build(entry, work / "downloads", built / entry.path, source, on_progress)
            on_progress(f"{name}: checking")
            _require_whole(entry, built, "what arrived is not whole")
            target.parent.mkdir(parents=True, exist_ok=True)
            (built / entry.path).replace(target)
        except OSError as error:
            raise ValueError(f"{name} could not be built in {data}: {error}") from None
        finally:
            shutil.rmtree(built, ignore_errors=True)
        shutil.rmtree(work)
    return target


def _build(
    entry: DatasetEntry,
    downloads: Path,
    folder: Path,
    source: str | Path | None,
    on_progress: Callable[[str], None],
) -> None:
    """Write a data set's files into an empty folder."""
    if source is not None:
        if not Path(source).is_dir():
            raise ValueError(f"--from must be a folder that exists, not {source}")
        has_parquet = any(Path(source).glob("*.parquet"))
        to = folder / ("" if has_parquet else entry.local)
        shutil.copytree(source, to, copy_function=link_or_copy, dirs_exist_ok=True)
        return
    if not (entry.files or entry.builder):
        raise ValueError(f"{entry.name} cannot be downloaded: {entry.access}")
    downloads.mkdir(parents=True, exist_ok=True)
    if entry.builder:
        on_progress(f"{entry.name}: {entry.home}")
        BUILDERS[entry.builder](entry, downloads, folder)
        return
    for file in entry.files:
        on_progress(f"{entry.name}: {file.url or f'{file.repo}/{file.path}'}")
        place(file, fetch(entry, file, downloads), folder)


def _require_whole(entry: DatasetEntry, data: Path, what: str) -> None:
    for each in check(entry, data):
        if each.problem:
            raise ValueError(f"{entry.name}: {what}: {each.benchmark}: {each.problem}")


def verify(folder: str | Path, names: tuple[str, ...] = ()) -> Iterator[Check]:
    """Check the data sets of a folder of data: samples, balance of classes, contents.

    Args:
        folder: Folder of data.
        names: Of data sets; by default all that are in the folder.

    Raises:
        LookupError: There is no such data set.
        ValueError: There is no such folder.
    """
    data = Path(folder)
    if not data.is_dir():
        raise ValueError(f"{data} is no folder")
    entries = [get_dataset(name) for name in names] or [
        entry for entry in list_datasets() if (data / entry.path).is_dir()
    ]
    for entry in entries:
        yield from check(entry, data)
