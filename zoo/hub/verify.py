"""Check local weights against their pins and their reference outputs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zoo.checkpoints import hash_cache, loading, safetensors_format
from zoo.checkpoints.download import is_cached
from zoo.checkpoints.lockfile import read_lockfile
from zoo.hub import reference_outputs
from zoo.hub.pull import Advance, pins_of
from zoo.models._factory import create
from zoo.models._sources import CONFIG, FOLDER, HUB, open_source
from zoo.papers.loading import load_papers
from zoo.papers.weights import WeightsError


@dataclass(frozen=True)
class VerifyResult:
    """One set of weights on this machine: "" or what is wrong; and how its outputs were checked."""

    name: str
    fault: str
    outputs: str = ""


def local_weights() -> list[str]:
    """Everything on this machine: bundled, installed, downloaded, and repositories locked."""
    known = [w for paper in load_papers() for w in paper.weights]
    found = [w.name for w in known if (is_cached(w) if w.repo else w.path.is_file())]
    own = {f"{w.repo}/{w.file}" for w in known if w.repo}
    ends = f"/{CONFIG}"
    locked = [key for key in read_lockfile() if key.endswith(ends) and key not in own]
    return found + [HUB + key.removesuffix(ends) for key in locked]


def verify(
    names: Iterable[str] = (), advance: Advance = lambda what: None
) -> Iterator[VerifyResult]:
    """Loads weights again, with their sums, names and shapes checked, and runs the inputs that are
    pinned beside them; all that are on this machine by default. Raises UnknownNameError."""
    for name in list(names) or local_weights():
        advance(name)
        try:
            yield _checked(name)
        except WeightsError as error:
            yield VerifyResult(name, str(error))


def _checked(name: str) -> VerifyResult:
    with hash_cache.disabled():
        model = create(name, pretrained=True)
    if not name.startswith((HUB, FOLDER)):
        return VerifyResult(
            name, "", "no pinned tensors; `zoo check` scores what the zoo has recorded"
        )
    pins = pins_of(open_source(name))
    try:
        data, _, first = loading.read_verified(pins)
    except WeightsError:
        return VerifyResult(name, "", f"no {reference_outputs.FILE} is at hand")
    loading.lock_first_seen(first)
    off = reference_outputs.compare(
        model, safetensors_format.parse(f"{name}: {reference_outputs.FILE}", data)
    )
    said = ", ".join(f"{kind}: {share:.1e} of the largest output" for kind, share in off.items())
    fault = f"outputs differ from the pinned ones ({said})" if off else ""
    return VerifyResult(name, fault, "" if off else "as pinned")
