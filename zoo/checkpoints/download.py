"""Weights on the Hub: downloaded by commit, locked at the first load, pinned in the room.

repo@commit -> huggingface_hub (HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE as it reads them) -> file

What a file must be is said by a pin: the room's own (timm_weights.json, written by `zoo pin`), else this
machine's, written into the lock file at the first load. The lock file is $ZOO_LOCK, or
zoo/lock.json in HF_HOME: beside the downloads it speaks of, and outside hub/, which people clear.
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
INDEX = ".index.json"  # the end of the name of a file that names shards

# The first that fits; a gated repository is a kind of one that is not found.
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
        "{repo} has no revision {revision}: who owns it has rewritten its history",
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
    """Whether weights on the Hub can be loaded without asking it."""
    pin = get_pin(weights)
    if not pin:
        return False
    found = try_to_load_from_cache(weights.repo, weights.file, revision=pin.revision)
    if not isinstance(found, str) or not weights.file.endswith(INDEX):
        return isinstance(found, str)
    names = parse_index(weights.name, Path(found).read_bytes())
    return all(is_cached(shard_weights(weights, name, pin.revision)) for name in names)


def parse_index(name: str, index: bytes) -> list[str]:
    """The files that an index names. Raises WeightsError if it is none, or names other folders."""
    try:
        files = sorted(set(json.loads(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{name}: the file is no index of shards") from None
    for file in files:
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise WeightsError(f"{name}: the index names {file!r}, no safetensors file beside it")
    return files


def shard_weights(weights: Weights, name: str, commit: str) -> Weights:
    """One of the files that an index names, at the commit of the index."""
    file = str(Path(weights.file).with_name(name))
    return replace(weights, file=file, sha256=weights.shards.get(name, ""), revision=commit)


def download(weights: Weights) -> tuple[Path, str]:
    """The downloaded file and its commit: the pinned one, or what `main` is now.

    Raises WeightsError with one sentence for whatever keeps it from coming.
    """
    pin = get_pin(weights)
    revision = pin.revision if pin else weights.revision or DEFAULT_REVISION
    try:
        endpoint.checked_endpoint()
        path = Path(hf_hub_download(weights.repo, weights.file, revision=revision))
    except endpoint.EndpointError as error:
        raise WeightsError(f"{weights.name}: {error}") from None
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        raise WeightsError(f"{weights.name}: {_sentence(error, weights, revision)}") from error
    commit = path.parent.name  # snapshots/COMMIT/FILE
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise WeightsError(f"{weights.name}: {constants.ENDPOINT} names no commit, but {commit!r}")
    return path, commit


def evict_corrupt(path: Path, found: str) -> str:
    """Removes a file of the cache whose bytes are not those it is named by, and says so; "" if they
    are. Only a file that the Hub names by its sha256 can be told: a link to blobs/SHA256, which may
    be a link to what Xet files of several repositories share."""
    blob = path.parent / path.readlink() if path.is_symlink() else path
    if not re.fullmatch("[0-9a-f]{64}", blob.name) or blob.name == found:
        return ""
    for kept in (blob.resolve(), blob, path):
        kept.unlink(missing_ok=True)
    return f"; the Hub says {blob.name}: it is removed from the cache, ask for it again"


def _sentence(error: Exception, weights: Weights, revision: str) -> str:
    known = (text for kind, text in ERROR_MESSAGES if isinstance(error, kind))
    cause = error.__cause__ or error  # huggingface_hub says last that it looked in its cache too
    return next(known, "{repo}/{file} did not arrive whole: {cause}").format(
        repo=weights.repo,
        file=weights.file,
        revision=revision,
        endpoint=constants.ENDPOINT,
        cache=constants.HF_HUB_CACHE,
        cause=str(cause).partition("\n")[0] or type(cause).__name__,
    )
