"""Install weights that are published at a URL: `zoo.create`, `zoo pull`, `zoo check --download`.

weights -> checkpoint, its sum checked -> key mapping -> safetensors in the zoo's keys, locked
"""

from filelock import FileLock

from zoo.checkpoints import published
from zoo.checkpoints.download import is_cached
from zoo.models._builder import build_entry
from zoo.models._conversion import convert_published
from zoo.models._registry import get_entry
from zoo.papers.weights import Weights

COPIES = 4  # of the parameters in a checkpoint at most: weights, their average, Adam's moments
MAX_BESIDE = 64 << 20  # bytes of what else a checkpoint holds


def install(weights: Weights, *, trust: bool = False) -> None:
    """Download, check and convert published weights, unless they are installed.

    Args:
        weights: They have a `url`.
        trust: Take a file whose sum nobody has published, and lock its sha256.

    Raises:
        WeightsError: They cannot be had, are not the published ones, or do not fit the network.
    """
    if is_cached(weights):
        return
    lock = published.download_path(weights).with_suffix(".installing")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if is_cached(weights):  # by another process
            return
        max_bytes = MAX_BESIDE + COPIES * tensor_bytes(weights)
        with published.checkpoint(weights, trust=trust, max_bytes=max_bytes) as (path, source):
            data = convert_published(path, weights)
        published.keep(weights, data, source)


def tensor_bytes(weights: Weights) -> int:
    """Return the bytes of a network's tensors in float32, which is about those of its weights."""
    network = build_entry(get_entry(weights.model), weights, {}, device="meta")
    return sum(tensor.numel() * 4 for tensor in network.state_dict().values())
