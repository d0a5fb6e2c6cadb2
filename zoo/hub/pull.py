"""Weights for a machine without network; and whether those that are here are what they were.

names -> loaded here, checked -> DIR/hub, as huggingface_hub keeps files, and DIR/zoo, as we do
whatever is here -> sums, names, shapes, pinned tensors -> what is wrong

On the other machine: HF_HOME=DIR HF_HUB_OFFLINE=1, or `zoo hub serve DIR/hub`.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from zoo.checkpoints import loading
from zoo.checkpoints.download import INDEX, parse_index, shard_weights
from zoo.checkpoints.lockfile import (
    lock_key,
    lockfile_path,
    read_lockfile,
    remove_locks,
    write_lock,
)
from zoo.hub import reference_outputs
from zoo.models._registry import default_weights, parse_name
from zoo.models._sources import HUB, OpenedSource, open_source
from zoo.papers.weights import Weights, WeightsError

Advance = Callable[[str], None]


def pull(names: Iterable[str], to: Path, advance: Advance = lambda what: None) -> list[Path]:
    """Brings weights ("arch.tag", an architecture, "hf-hub:org/repo") into a folder for a machine
    without network, each file checked; those that it has. Raises WeightsError, and leaves no half
    of a file, when one does not come."""
    written: list[Path] = []
    for name in names:
        for file in _files(name):
            advance(f"{name}: {file.file}")
            written += _copied(file, to)
    return written


def _files(name: str) -> Iterator[Weights]:
    """The files of weights that do not come with the zoo, config.json and pins among them."""
    if name.startswith(HUB):
        found = open_source(name)
        yield found.file
        yield from _whole(found.tensors)
        pins = pins_of(found)
        if _comes(pins):
            yield pins
        return
    entry, chosen = parse_name(name)
    chosen = chosen or default_weights(entry.name)
    if not chosen.bundled:
        yield from _whole(chosen)


def _whole(chosen: Weights) -> Iterator[Weights]:
    """A file of tensors, and the shards that it names if it is an index."""
    yield chosen
    if chosen.file.endswith(INDEX):
        data, commit, _ = loading.read_verified(chosen)
        yield from (shard_weights(chosen, n, commit) for n in parse_index(chosen.name, data))


def pins_of(found: OpenedSource) -> Weights:
    """The pinned tensors beside the tensors."""
    return replace(found.tensors, file=reference_outputs.FILE, sha256="")


def _comes(file: Weights) -> bool:
    try:
        loading.locate_verified(file)
    except WeightsError:
        return False
    return True


def _copied(file: Weights, to: Path) -> list[Path]:
    """A checked file, in a folder, with what the lock file says of it."""
    source, commit, first = loading.locate_verified(file)
    loading.lock_first_seen(first)
    if not file.repo:
        return [_copy(source, to / "zoo" / "weights" / file.file)]
    repo = to / "hub" / f"models--{file.repo.replace('/', '--')}"
    entry = read_lockfile().get(lock_key(file))
    if entry:
        write_lock(to / "zoo" / "lock.json", lock_key(file), entry)
    main = repo / "refs" / "main"
    main.parent.mkdir(parents=True, exist_ok=True)
    main.write_text(commit)
    return [_copy(source, repo / "snapshots" / commit / file.file)]


def _copy(source: Path, to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(to.name + ".part")
    shutil.copyfile(source, part)
    part.replace(to)
    return to


def unlock(name: str) -> list[str]:
    """Forgets what this machine has locked of weights ("arch.tag", "hf-hub:org/repo"): the next
    load takes what the Hub has then. Raises WeightsError if there is nothing to forget."""
    if name.startswith(HUB):
        repo = name.removeprefix(HUB).partition("@")[0]
    else:
        entry, chosen = parse_name(name)
        repo = (chosen or default_weights(entry.name)).repo
    gone = remove_locks(repo) if repo else []
    if not gone:
        raise WeightsError(f"{name}: nothing of it is locked in {lockfile_path()}")
    return gone
