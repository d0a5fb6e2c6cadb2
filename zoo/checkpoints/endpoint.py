"""Checks of a Hub's responses, whose headers huggingface_hub trusts.

They run before the body is read. An ETag names a file of the cache (with ../ in it, huggingface_hub
2.4.0 writes outside the cache), a CAS URL is where Xet reads and writes, and a compressed body may
expand a thousandfold.
"""

import os
import re
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_session

from zoo.papers.weights import WeightsError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_COMPRESSED = 1 << 16  # bytes of a compressed body; configs and cards are smaller
ETAG = re.compile(r'(W/)?"?[\w.+=-]{1,128}"?')


class EndpointError(WeightsError):
    """An endpoint that is not secure, or a response that no Hub may give."""


def checked_endpoint() -> str:
    """Return HF_ENDPOINT (huggingface.co by default), and check its responses from now on.

    Raises:
        EndpointError: Plain HTTP, neither to this machine nor to a host in ZOO_PLAIN_HTTP.
    """
    endpoint = str(constants.ENDPOINT)
    if not _is_secure(endpoint):
        raise EndpointError(
            f"HF_ENDPOINT is {endpoint}; it must be https, or this machine, or a host in "
            "ZOO_PLAIN_HTTP (names with commas between them)"
        )
    client: Any = get_session()
    hooks = client.event_hooks
    if check_response not in hooks["response"]:
        client.event_hooks = {**hooks, "response": [*hooks["response"], check_response]}
    return endpoint


def _is_secure(url: str) -> bool:
    """True for https, this machine, and hosts in ZOO_PLAIN_HTTP."""
    parts = urlsplit(url)
    allowed = {*LOOPBACK, *os.environ.get("ZOO_PLAIN_HTTP", "").split(",")} - {""}
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in allowed)


def check_response(response: Any) -> None:
    """Raise EndpointError for a response that would write outside the cache or fill the disk."""
    headers, host = response.headers, f"{response.url.scheme}://{response.url.netloc.decode()}"
    for name in ("ETag", "X-Linked-Etag"):
        if name in headers and not ETAG.fullmatch(headers[name]):
            raise EndpointError(f"{host} answers {headers[name]!r} as {name}, no name of a file")
    commit = headers.get("X-Repo-Commit", "0" * 40)
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise EndpointError(f"{host} names no commit, but {commit!r}")
    cas = headers.get("X-Xet-Cas-Url", "https://")
    if not _is_secure(cas):
        raise EndpointError(f"{host} has Xet read from {cas!r}, which is not https")
    compressed = headers.get("Content-Encoding", "identity") != "identity"
    large = int(headers.get("Content-Length", MAX_COMPRESSED + 1)) > MAX_COMPRESSED
    if compressed and large and "/resolve/" in response.url.path:
        raise EndpointError(f"{host} sends a compressed file, which may be of any size")
