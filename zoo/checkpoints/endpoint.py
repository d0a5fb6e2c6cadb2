"""What a Hub may answer: huggingface_hub believes every header, we do not.

Every response of huggingface_hub's client is seen before its body is read. An ETag names a file of
the cache (huggingface_hub 2.4.0 writes outside it for one with ../), a CAS url says where Xet reads
and writes, and a compressed body may be a thousand times as large as it looks.
"""

import os
import re
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_session

from zoo.papers.weights import WeightsError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
COMPRESSED = 1 << 16  # bytes of a compressed body; a text of a model is smaller
ETAG = re.compile(r'(W/)?"?[\w.+=-]{1,128}"?')


class EndpointError(WeightsError):
    """A Hub that is not to be asked, or that answers what no Hub may."""


def checked_endpoint() -> str:
    """The endpoint that the user has named (HF_ENDPOINT), or huggingface.co; its answers are looked
    at from now on. Raises EndpointError for one that anyone on the way can change."""
    endpoint = str(constants.ENDPOINT)
    if not _safe(endpoint):
        raise EndpointError(
            f"HF_ENDPOINT is {endpoint}; it must be https, or this machine, or a host in "
            "ZOO_PLAIN_HTTP (names with commas between them)"
        )
    client: Any = get_session()
    hooks = client.event_hooks
    if check_response not in hooks["response"]:
        client.event_hooks = {**hooks, "response": [*hooks["response"], check_response]}
    return endpoint


def _safe(url: str) -> bool:
    """Whether what comes from there is what was sent: https, this machine, or allowed by name."""
    parts = urlsplit(url)
    allowed = {*LOOPBACK, *os.environ.get("ZOO_PLAIN_HTTP", "").split(",")} - {""}
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in allowed)


def check_response(response: Any) -> None:
    """Raises EndpointError for a response that would leave the cache, or fill the disk."""
    headers, where = response.headers, f"{response.url.scheme}://{response.url.netloc.decode()}"
    for name in ("ETag", "X-Linked-Etag"):
        if name in headers and not ETAG.fullmatch(headers[name]):
            raise EndpointError(f"{where} answers {headers[name]!r} as {name}, no name of a file")
    commit = headers.get("X-Repo-Commit", "0" * 40)
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise EndpointError(f"{where} names no commit, but {commit!r}")
    cas = headers.get("X-Xet-Cas-Url", "https://")
    if not _safe(cas):
        raise EndpointError(f"{where} has Xet read from {cas!r}, which is not https")
    encoded = headers.get("Content-Encoding", "identity") != "identity"
    large = int(headers.get("Content-Length", COMPRESSED + 1)) > COMPRESSED
    if encoded and large and "/resolve/" in response.url.path:
        raise EndpointError(f"{where} sends a compressed file, which may be of any size")
