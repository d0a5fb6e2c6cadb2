"""Weights for a machine without network; and whether those that are here are what they were.

names -> loaded here, checked -> DIR/hub, as huggingface_hub keeps files, and DIR/zoo, as we do
whatever is here -> sums, names, shapes, pinned tensors -> what is wrong

On the other machine: HF_HOME=DIR HF_HUB_OFFLINE=1, or `zoo hub serve DIR/hub`.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from zoo import hub, literature, pinned, registry, repositories, stamps, tensors, weights
from zoo.pretrained import Weights, WeightsError
from zoo.repositories import CONFIG, FOLDER, HUB

Advance = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """One set of weights on this machine: "" or what is wrong; and how its outputs were checked."""

    name: str
    fault: str
    outputs: str = ""


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
        found = repositories.opened(name)
        yield found.file
        yield from _whole(found.tensors)
        pins = pins_of(found)
        if _comes(pins):
            yield pins
        return
    entry, chosen = registry.split(name)
    chosen = chosen or registry.default_weights(entry.name)
    if not chosen.bundled:
        yield from _whole(chosen)


def _whole(chosen: Weights) -> Iterator[Weights]:
    """A file of tensors, and the shards that it names if it is an index."""
    yield chosen
    if chosen.file.endswith(hub.INDEX):
        data, commit, _ = weights.verified(chosen)
        yield from (hub.shard(chosen, n, commit) for n in hub.shards(chosen.name, data))


def pins_of(found: repositories.Opened) -> Weights:
    """The pinned tensors beside the tensors."""
    return replace(found.tensors, file=pinned.FILE, sha256="")


def _comes(file: Weights) -> bool:
    try:
        weights.checked(file)
    except WeightsError:
        return False
    return True


def _copied(file: Weights, to: Path) -> list[Path]:
    """A checked file, in a folder, with what the lock file says of it."""
    source, commit, first = weights.checked(file)
    weights.lock(first)
    if not file.repo:
        return [_copy(source, to / "zoo" / "weights" / file.file)]
    repo = to / "hub" / f"models--{file.repo.replace('/', '--')}"
    entry = hub.locked().get(hub.key(file))
    if entry:
        hub.write_lock(to / "zoo" / "lock.json", hub.key(file), entry)
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
        entry, chosen = registry.split(name)
        repo = (chosen or registry.default_weights(entry.name)).repo
    gone = hub.unlock(repo) if repo else []
    if not gone:
        raise WeightsError(f"{name}: nothing of it is locked in {hub.lock_path()}")
    return gone


def here() -> list[str]:
    """Everything on this machine: bundled, installed, downloaded, and repositories locked."""
    known = [w for paper in literature.load_all() for w in paper.weights]
    found = [w.name for w in known if (hub.is_here(w) if w.repo else w.path.is_file())]
    own = {f"{w.repo}/{w.file}" for w in known if w.repo}
    ends = f"/{CONFIG}"
    locked = [key for key in hub.locked() if key.endswith(ends) and key not in own]
    return found + [HUB + key.removesuffix(ends) for key in locked]


def verify(names: Iterable[str] = (), advance: Advance = lambda what: None) -> Iterator[Checked]:
    """Loads weights again, with their sums, names and shapes checked, and runs the inputs that are
    pinned beside them; all that are on this machine by default. Raises UnknownNameError."""
    for name in list(names) or here():
        advance(name)
        try:
            yield _checked(name)
        except WeightsError as error:
            yield Checked(name, str(error))


def _checked(name: str) -> Checked:
    with stamps.anew():
        model = registry.create(name, pretrained=True)
    if not name.startswith((HUB, FOLDER)):
        return Checked(name, "", "no pinned tensors; `zoo check` scores what the zoo has recorded")
    pins = pins_of(repositories.opened(name))
    try:
        data, _, first = weights.verified(pins)
    except WeightsError:
        return Checked(name, "", f"no {pinned.FILE} is at hand")
    weights.lock(first)
    off = pinned.disagreements(model, tensors.decode(f"{name}: {pinned.FILE}", data))
    said = ", ".join(f"{kind}: {share:.1e} of the largest output" for kind, share in off.items())
    fault = f"outputs differ from the pinned ones ({said})" if off else ""
    return Checked(name, fault, "" if off else "as pinned")
