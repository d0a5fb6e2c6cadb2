"""Download weights from the Hub, at a pinned commit.

repo@commit -> huggingface_hub (HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE as it reads them) -> file

The pin of a file is in its paper's timm_weights.json (written by `zoo dev pin`), or else in this
machine's lock file (see zoo.checkpoints.lockfile).
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo.checkpoints import endpoint
from zoo.checkpoints.lockfile import get_pin
from zoo.papers.weights import Weights, WeightsError

DEFAULT_REVISION = "main"
INDEX = ".index.json"  # suffix of a file that names shards

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
        "{repo} has no revision {revision}: its owner has rewritten the history",
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
    """True if weights on the Hub can be loaded without a request."""
    pin = get_pin(weights)
    if not pin:
        return False
    path = try_to_load_from_cache(weights.repo, weights.file, revision=pin.revision)
    if not isinstance(path, str) or not weights.file.endswith(INDEX):
        return isinstance(path, str)
    names = parse_index(weights.name, Path(path).read_bytes())
    return all(is_cached(shard_weights(weights, name, pin.revision)) for name in names)


def parse_index(name: str, index: bytes) -> list[str]:
    """Return the file names of an index's shards, sorted; errors start with `name`.

    Raises:
        WeightsError: Not an index, or a shard is not a safetensors file in the same folder.
    """
    try:
        files = sorted(set(json.loads(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{name}: the file is no index of shards") from None
    for file in files:
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise WeightsError(f"{name}: the index names {file!r}, no safetensors file beside it")
    return files


def shard_weights(weights: Weights, name: str, commit: str) -> Weights:
    """Return the weights of one shard of an index, at the commit of the index."""
    file = str(Path(weights.file).with_name(name))
    return replace(weights, file=file, sha256=weights.shards.get(name, ""), revision=commit)


def download(weights: Weights) -> tuple[Path, str]:
    """Download a file of weights, unless it is cached.

    Returns:
        Its path in the cache and its commit: the pinned one, or the current one of the revision.

    Raises:
        WeightsError: One sentence on why the file cannot be had.
    """
    pin = get_pin(weights)
    revision = pin.revision if pin else weights.revision or DEFAULT_REVISION
    try:
        endpoint.checked_endpoint()
        path = Path(hf_hub_download(weights.repo, weights.file, revision=revision))
    except endpoint.EndpointError as error:
        raise WeightsError(f"{weights.name}: {error}") from None
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        message = _error_message(error, weights, revision)
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


def _error_message(error: Exception, weights: Weights, revision: str) -> str:
    templates = (template for kind, template in ERROR_MESSAGES if isinstance(error, kind))
    cause = error.__cause__ or error  # the outer error only says that the cache was tried too
    return next(templates, "{repo}/{file} did not arrive whole: {cause}").format(
        repo=weights.repo,
        file=weights.file,
        revision=revision,
        endpoint=constants.ENDPOINT,
        cache=constants.HF_HUB_CACHE,
        cause=str(cause).partition("\n")[0] or type(cause).__name__,
    )
