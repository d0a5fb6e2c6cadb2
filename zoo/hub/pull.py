"""Download weights, and collect them in a folder for a machine without network.

names -> downloaded and verified here -> DIR/hub, as huggingface_hub keeps files, and DIR/zoo

On the other machine: HF_HOME=DIR HF_HUB_OFFLINE=1, or `zoo hub serve DIR/hub`.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from zoo._io import atomic_path, atomic_write
from zoo.checkpoints import loading
from zoo.checkpoints.download import INDEX, parse_index, shard_weights
from zoo.checkpoints.lockfile import lock_key, read_lockfile, write_lock
from zoo.hub import reference_outputs
from zoo.models._installation import install
from zoo.models._registry import default_weights, parse_name
from zoo.models._sources import HUB, canonical, open_source
from zoo.papers.weights import Weights, WeightsError


def pull(
    names: Iterable[str],
    to: Path | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
    *,
    trust: bool = False,
) -> list[Path]:
    """Download weights, each file verified and written whole; return the files.

    Args:
        names: "arch.tag", an architecture with default weights, or "hf-hub:org/repo[@revision]".
        to: Folder to collect them in, for a machine without network; files that it has are
            written again. None for this machine alone.
        on_progress: Called with a line of text before each file.
        trust: Take a file at a URL whose sum nobody has published, and lock its sha256.

    Raises:
        WeightsError: A file cannot be had, or is not the pinned one.
    """
    paths: list[Path] = []
    for name in names:
        for weights in _files(name):
            on_progress(f"{name}: {weights.file}")
            try:
                if weights.url:
                    install(weights, trust=trust)
                file = loading.fetch(weights)
            except WeightsError:
                if weights.file == reference_outputs.FILE:  # a repository may lack it
                    continue
                raise
            loading.lock([file])
            paths.append(_bundle(file, to) if to else file.path)
    return paths


def _files(name: str) -> Iterator[Weights]:
    """List the files of weights that are not bundled with the zoo."""
    name = canonical(name)
    if name.startswith(HUB):
        source = open_source(name)
        yield source.file.weights
        yield from _tensor_files(source.tensors)
        yield reference_outputs.of_source(source)
        return
    entry, weights = parse_name(name)
    weights = weights or default_weights(entry.name)
    if not weights.bundled:
        yield from _tensor_files(weights)


def _tensor_files(weights: Weights) -> Iterator[Weights]:
    yield weights
    if weights.file.endswith(INDEX):
        index, file = loading.fetch_bytes(weights)
        for shard in parse_index(weights.name, index):
            yield shard_weights(weights, shard, file.commit)


def _bundle(file: loading.VerifiedFile, to: Path) -> Path:
    """Copy a file into the bundle, with its lock and the repository's main branch."""
    weights = file.weights
    if entry := read_lockfile().get(lock_key(weights)):
        write_lock(to / "zoo" / "lock.json", lock_key(weights), entry)
    if weights.url:
        return _copy(file.path, to / "zoo" / "weights" / weights.file)
    repo = to / "hub" / f"models--{weights.repo.replace('/', '--')}"
    main = repo / "refs" / "main"
    main.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(main, file.commit)
    return _copy(file.path, repo / "snapshots" / file.commit / weights.file)


def _copy(source: Path, to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(to) as temporary:
        shutil.copyfile(source, temporary)
    return to
