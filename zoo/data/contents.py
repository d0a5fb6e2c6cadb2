"""The contents of a data set: sha256 of the files that its samples are read from.

files -> sha256 of each, hashed once while size and times stay -> one sha256 of names and contents

The hashes of the files below one folder are kept in one file beside the cache of
zoo.checkpoints.hash_cache, and nowhere if ZOO_CHECKED is empty.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from zoo._io import read_json, write_json
from zoo.checkpoints.hash_cache import SETTLE_TIME, FileStatus, cache_path
from zoo.data.benchmarks import BENCHMARKS

MAX_CACHE_BYTES = 1 << 30  # ImageNet's 1.3 million files take a fifth
BAR_DELAY = 2  # seconds of hashing before a progress bar appears


def samples_digest(samples: Any) -> str:
    """Return the sha256 of what samples are read from.

    That is names and contents of the files `samples.files`, or `samples.fingerprint` without files;
    "" for samples that come with the zoo, whose hashes are pinned.
    """
    files = getattr(samples, "files", ())
    return files_digest(files) if files else str(getattr(samples, "fingerprint", ""))


def benchmark_contents(benchmark: str, samples: Any) -> str:
    """Return the sha256 of what the samples of a benchmark are read from; "" for bundled ones."""
    return "" if BENCHMARKS[benchmark].bundled else samples_digest(samples)


def files_digest(files: Sequence[Path]) -> str:
    """Return the sha256 over contents and names, below their common folder, of files in order.

    Raises:
        OSError: a file cannot be read.
    """
    paths = [Path(os.path.abspath(file)) for file in files]
    root = Path(os.path.commonpath([path.parent for path in paths]))
    names = [path.relative_to(root).as_posix() for path in paths]
    lines = (f"{sha256}  {name}\n" for sha256, name in zip(_hash(root, names), names, strict=True))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _hash(root: Path, names: Sequence[str]) -> list[str]:
    """Return the sha256 of files below `root`; those whose status is cached are not read."""
    cache = _cache_file(root)
    known = _read(cache)
    stats = {name: _status(root / name) for name in names}
    changed = [name for name in stats if name not in known or known[name][0] != stats[name]]
    start, hashes = time.time_ns(), {name: sha256 for name, (_, sha256) in known.items()}
    with tqdm(
        desc=f"hashing {root}",
        total=sum(stats[name][2] for name in changed),
        unit="B",
        unit_scale=True,
        delay=BAR_DELAY,
        disable=None,  # unless standard error is a terminal
        leave=False,
    ) as bar:
        try:
            for name in changed:
                known.pop(name, None)
                with (root / name).open("rb") as file:
                    hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
                settled = start - stats[name][4] > SETTLE_TIME  # later changes change the times
                if settled and _status(root / name) == stats[name]:
                    known[name] = (stats[name], hashes[name])
                bar.update(stats[name][2])
        finally:
            if changed and cache:
                _store(cache, known)
    return [hashes[name] for name in names]


def _status(path: Path) -> FileStatus:
    s = path.stat()
    return [s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns]


def _cache_file(root: Path) -> Path | None:
    cache = cache_path()
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
    return cache and cache.with_name("contents") / f"{name}.json"


def _read(cache: Path | None) -> dict[str, tuple[FileStatus, str]]:
    try:
        entries = read_json(cache, MAX_CACHE_BYTES) if cache else {}
        return {str(name): (status, str(sha256)) for name, (status, sha256) in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # missing or damaged: files are hashed again


def _store(cache: Path, entries: dict[str, tuple[FileStatus, str]]) -> None:
    """Write the cache; where it cannot be written, files are hashed again next time."""
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_json(cache, entries)
