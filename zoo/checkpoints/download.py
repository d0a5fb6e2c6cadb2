"""Download weights from the Hub, at a pinned commit.

repo@commit -> huggingface_hub (HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE as it reads them) -> file

The pin of a file is in its paper's timm_weights.json (written by `zoo dev pin`), or else in this
machine's lock file (see zoo.checkpoints.lockfile).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo import _io
from zoo.checkpoints import endpoint, web
from zoo.checkpoints.lockfile import get_pin
from zoo.papers.weights import Weights, WeightsError

DEFAULT_REVISION = "main"
INDEX = ".index.json"  # suffix of a file that names shards
MAX_SMALL = 64 << 20  # bytes of an index or of reference outputs, which are read at once

# The first match is used: GatedRepoError is a RepositoryNotFoundError.
ERROR_MESSAGES: tuple[tuple[type[Exception], str], ...] = (
    (
        GatedRepoError,
        "{repo} is gated: accept its terms at {endpoint}/{repo} and log in (hf auth login)",
    ),
    (
        RepositoryNotFoundError,
        "{endpoint} has no repository {repo}, or a private one: log in (hf auth login)",
    ),
    (
        RevisionNotFoundError,
        "{repo} has no revision {revision}{history}",
    ),
    (
        RemoteEntryNotFoundError,
        "{repo} has no {file} at {revision}; a pickle (pytorch_model.bin) is never loaded: "
        "download it, turn it into safetensors with `zoo convert`, and load that",
    ),
    (
        LocalEntryNotFoundError,
        "{repo}/{file} is not in {cache}, and {endpoint} does not give it: {cause}",
    ),
)


def is_cached(weights: Weights) -> bool:
    """True if weights on the Hub or at a URL can be loaded without a request."""
    pin = get_pin(weights)
    if not pin:
        return False
    if weights.url:
        return weights.path.is_file()
    path = try_to_load_from_cache(weights.repo, weights.file, revision=pin.revision)
    if not isinstance(path, str) or not weights.file.endswith(INDEX):
        return isinstance(path, str)
    shards = parse_index(weights.name, read_small(weights.name, Path(path)))
    return all(is_cached(shard_weights(weights, name, pin.revision)) for name in shards)


def remote_size(weights: Weights) -> int | None:
    """Return the bytes that weights have at their URL or on the Hub, None if it does not say."""
    if weights.url:
        return web.remote_size(weights.url)
    if weights.file.endswith(INDEX):
        return None
    try:
        endpoint.checked_endpoint()
        url = hf_hub_url(weights.repo, weights.file, revision=weights.revision or DEFAULT_REVISION)
        return get_hf_file_metadata(url).size
    except Exception:  # each version of huggingface_hub has its own HTTP library
        return None


def read_small(name: str, path: Path, max_bytes: int = MAX_SMALL) -> bytes:
    """Read a file; raise WeightsError that starts with `name` if it has more than `max_bytes`."""
    try:
        return _io.read_small(path, max_bytes)
    except ValueError as error:
        raise WeightsError(f"{name}: {error}") from None


def parse_index(name: str, index: bytes) -> dict[str, set[str]]:
    """Return {shard: names of its tensors} of an index, sorted; errors start with `name`.

    Raises:
        WeightsError: Not an index, or a shard is not a safetensors file in the same folder.
    """
    shards: dict[str, set[str]] = {}
    try:
        for key, file in json.loads(index)["weight_map"].items():
            shards.setdefault(file, set()).add(key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsError(f"{name}: the file is no index of shards") from None
    for file in shards:
        beside = isinstance(file, str) and Path(file).name == file
        if not beside or not file.endswith(".safetensors"):
            raise WeightsError(f"{name}: the index names {file!r}, no safetensors file beside it")
    return dict(sorted(shards.items()))


def merge_shards(
    name: str, shards: Iterable[tuple[str, set[str], dict[str, Any]]]
) -> dict[str, Any]:
    """Merge (file, names of its tensors in the index, its tensors) of shards into one state dict.

    Raises:
        WeightsError: A shard's tensors are not those that the index says it has.
    """
    state: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for file, expected, tensors in shards:
        for key in sorted(tensors.keys() & state.keys()):
            raise WeightsError(f"{name}: {origin[key]} and {file} both have the tensor {key}")
        for key in sorted(expected - tensors.keys()):
            raise WeightsError(f"{name}: the index says that {file} has {key}, and it has not")
        for key in sorted(tensors.keys() - expected):
            raise WeightsError(f"{name}: {file} has {key}, and the index does not say so")
        state |= tensors
        origin |= dict.fromkeys(tensors, file)
    return state


def shard_weights(weights: Weights, name: str, commit: str) -> Weights:
    """Return the weights of one shard of an index, at the commit of the index."""
    file = str(Path(weights.file).with_name(name))
    return replace(weights, file=file, sha256=weights.shards.get(name, ""), revision=commit)


def download(weights: Weights, max_bytes: int | None = None) -> tuple[Path, str]:
    """Download a file of weights, unless it is cached.

    Args:
        weights: The file.
        max_bytes: The most that it may have.

    Returns:
        Its path in the cache and its commit: the pinned one, or the current one of the revision.

    Raises:
        WeightsError: One sentence on why the file cannot be had.
    """
    pin = get_pin(weights)
    revision = pin.revision if pin else weights.revision or DEFAULT_REVISION
    try:
        endpoint.checked_endpoint()
        with endpoint.max_download(max_bytes):
            path = Path(hf_hub_download(weights.repo, weights.file, revision=revision))
    except endpoint.EndpointError as error:
        raise WeightsError(f"{weights.name}: {error}") from None
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        rewritten = ", which was pinned: its owner has rewritten the history, or it never existed"
        history = rewritten if pin else ""
        message = _error_message(error, weights, revision, history)
        raise WeightsError(f"{weights.name}: {message}") from error
    commit = path.parent.name  # snapshots/COMMIT/FILE
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise WeightsError(f"{weights.name}: {constants.ENDPOINT} names no commit, but {commit!r}")
    return path, commit


def evict_corrupt(path: Path, sha256: str) -> str | None:
    """Remove a cached file whose sha256 is not the one the Hub gave; return the Hub's then.

    Only large files are checked: the cache links them to blobs/SHA256, which may in turn be a link
    to what Xet shares between repositories.
    """
    blob = path.parent / path.readlink() if path.is_symlink() else path
    if not re.fullmatch("[0-9a-f]{64}", blob.name) or blob.name == sha256:
        return None
    for corrupt in (blob.resolve(), blob, path):
        corrupt.unlink(missing_ok=True)
    return blob.name


def _error_message(error: Exception, weights: Weights, revision: str, history: str) -> str:
    templates = (template for kind, template in ERROR_MESSAGES if isinstance(error, kind))
    cause = error.__cause__ or error  # the outer error only says that the cache was tried too
    return next(templates, "{repo}/{file} did not arrive whole from {endpoint}: {cause}").format(
        repo=weights.repo,
        file=weights.file,
        revision=revision,
        history=history,
        endpoint=constants.ENDPOINT,
        cache=constants.HF_HUB_CACHE,
        cause=str(cause).partition("\n")[0] or type(cause).__name__,
    )
