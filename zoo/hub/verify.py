"""Verify the weights on this machine: sha256, names, shapes and reference outputs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from zoo.checkpoints import hash_cache, loading, safetensors_format
from zoo.checkpoints.download import is_cached
from zoo.checkpoints.lockfile import read_lockfile
from zoo.hub import reference_outputs
from zoo.models._factory import create
from zoo.models._sources import CONFIG, FOLDER, HUB, canonical, open_source
from zoo.papers.loading import load_papers
from zoo.papers.weights import WeightsError


@dataclass(frozen=True)
class VerifyResult:
    """The result for one set of weights."""

    name: str
    error: str | None = None  # one sentence; None if nothing is wrong
    outputs: str = ""  # how the outputs were checked, or why they were not


def local_weights() -> list[str]:
    """List the weights on this machine: bundled, installed, downloaded, and locked sources."""
    known = [weights for paper in load_papers() for weights in paper.weights]
    local = [w.name for w in known if (is_cached(w) if w.repo else w.path.is_file())]
    registered = {f"{w.repo}/{w.file}" for w in known if w.repo}
    suffix = f"/{CONFIG}"
    sources = [key for key in read_lockfile() if key.endswith(suffix) and key not in registered]
    return local + [HUB + key.removesuffix(suffix) for key in sources]


def verify(
    names: Iterable[str] = (), on_progress: Callable[[str], None] = lambda message: None
) -> Iterator[VerifyResult]:
    """Load weights again, every byte hashed, and recompute their reference outputs.

    Args:
        names: Weights; all on this machine by default.
        on_progress: Called with a name before it is verified.

    Raises:
        UnknownNameError: No weights have this name.
    """
    for name in list(names) or local_weights():
        on_progress(name)
        try:
            yield _verify(name)
        except WeightsError as error:
            yield VerifyResult(name, str(error))


def _verify(name: str) -> VerifyResult:
    with hash_cache.disabled():
        model = create(name, pretrained=True)
    name = canonical(name)
    if not name.startswith((HUB, FOLDER)):
        outputs = "no reference outputs; `zoo check` scores what the zoo has recorded"
        return VerifyResult(name, outputs=outputs)
    try:
        data, file = loading.fetch_bytes(reference_outputs.of_source(open_source(name)))
    except WeightsError:
        return VerifyResult(name, outputs=f"no {reference_outputs.FILE} is at hand")
    loading.lock([file])
    expected = safetensors_format.parse(f"{name}: {reference_outputs.FILE}", data)
    differences = reference_outputs.compare(model, expected)
    if not differences:
        return VerifyResult(name, outputs="equal to the reference outputs")
    listed = ", ".join(
        f"{k}: {share:.1e} of the largest output" for k, share in differences.items()
    )
    return VerifyResult(name, f"outputs differ from the reference outputs ({listed})")
