"""Checks of a Hub's responses, whose headers huggingface_hub trusts.

They run before the body is read, on every client that huggingface_hub makes. Without them
(huggingface_hub 2.4.0), an ETag with ../ in it writes outside the cache; a link or a refresh route
to another host is sent the token; and a body may be endless, or expand a thousandfold.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from huggingface_hub import constants, get_session, set_client_factory
from huggingface_hub.utils import _http

from zoo.papers.weights import WeightsError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HUBS = ("https://huggingface.co", "https://hf.co")  # a mirror may pass their URLs on
MAX_REPLY = 64 << 20  # bytes of an answer that is no file, or does not announce its length
COMPRESSED = "{host} sends a compressed file, which may be of any size"
OWN_LIMIT = "zoo.own_limit"  # extension of requests whose caller cuts the body itself
MAX_WAIT = 300  # seconds that a Hub may have the client wait
DOWNLOAD = "X-HF-Download-Counter"  # huggingface_hub's mark on the requests of a download
ETAG = re.compile(r'(W/)?"?[\w.+=-]{1,128}"?')
URL = re.compile(r"[!-\[\]-~]+")  # one that every parser reads alike: no space, no backslash

_announced: ContextVar[int | None] = ContextVar("announced", default=None)  # by the last HEAD
_max_bytes: ContextVar[int | None] = ContextVar("max_bytes", default=None)


class EndpointError(WeightsError):
    """An endpoint that is not secure, or a response that no Hub may give."""


def checked_endpoint() -> str:
    """Return HF_ENDPOINT (huggingface.co by default), and check all responses from now on.

    Raises:
        EndpointError: Plain HTTP, neither to this machine nor to a host in ZOO_PLAIN_HTTP.
    """
    endpoint = str(constants.ENDPOINT)
    check_secure("HF_ENDPOINT", endpoint)
    guarded_session()
    return endpoint


def check_secure(name: str, url: str) -> None:
    """Raise EndpointError for a URL, called `name`, that is not https, nor plain HTTP to this
    machine or to a host in ZOO_PLAIN_HTTP."""
    if not is_secure(url):
        raise EndpointError(
            f"{name} is {url}; it must be https, or this machine, or a host in "
            "ZOO_PLAIN_HTTP (names with commas between them)"
        )


def guarded_session() -> Any:
    """Return huggingface_hub's HTTP client, which checks all responses from now on."""
    client: Any = get_session()
    if check_response not in client.event_hooks["response"]:
        # A hook on this client alone would be lost at the first connection that breaks.
        factory = _http._GLOBAL_CLIENT_FACTORY
        set_client_factory(lambda: _guarded(factory()))
    return get_session()


@contextmanager
def max_download(size: int | None) -> Iterator[None]:
    """Refuse downloads of more than `size` bytes within this context."""
    token = _max_bytes.set(size)
    try:
        yield
    finally:
        _max_bytes.reset(token)


def _guarded(client: Any) -> Any:
    """Make an HTTP client check its responses and ask for uncompressed bodies."""
    client.event_hooks["response"].append(check_response)
    client.headers["Accept-Encoding"] = "identity"
    return client


def is_secure(url: str) -> bool:
    """True for https, this machine, and hosts in ZOO_PLAIN_HTTP."""
    parts = urlsplit(url)
    allowed = {*LOOPBACK, *os.environ.get("ZOO_PLAIN_HTTP", "").split(",")} - {""}
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in allowed)
    return secure and bool(parts.hostname and URL.fullmatch(url)) and "@" not in parts.netloc


def _may_have_token(url: str) -> bool:
    """True for a URL on the host of HF_ENDPOINT or of the public Hub."""
    parts = urlsplit(str(constants.ENDPOINT))
    roots = (f"{parts.scheme}://{parts.netloc}/", *(f"{hub}/" for hub in HUBS))
    return url.startswith(roots) and is_secure(url)


def check_response(response: Any) -> None:
    """Raise EndpointError for a response that would take the token, the cache or the disk.

    The body, which is not read yet, is cut at its limit.
    """
    host = f"{response.url.scheme}://{response.url.netloc.decode()}"
    _check_names(host, response.headers)
    _check_urls(host, response)
    _check_wait(host, response.headers)
    if response.request.method == "HEAD":
        _announced.set(_announced_size(host, response))
    elif OWN_LIMIT in response.request.extensions:
        pass
    elif (limit := _body_limit(host, response)) is not None:
        read: Callable[..., Iterator[bytes]] = response.iter_raw
        response.iter_raw = lambda chunk_size=None: limited(read(chunk_size), limit, host)
    if response.url.path.endswith("/info/lfs/objects/batch") and response.is_success:
        _check_actions(host, response.read())


def _check_names(host: str, headers: Any) -> None:
    """Check what becomes names in the cache."""
    for name in ("ETag", "X-Linked-Etag"):
        if name in headers and not ETAG.fullmatch(headers[name]):
            raise EndpointError(f"{host} answers {headers[name]!r} as {name}, no name of a file")
    commit = headers.get("X-Repo-Commit", "0" * 40)
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise EndpointError(f"{host} names no commit, but {commit!r}")


def _check_urls(host: str, response: Any) -> None:
    """Check the URLs that huggingface_hub would ask next, with the token or without."""
    headers, links = response.headers, response.links
    with_token = [links[rel].get("url", "") for rel in ("xet-auth", "next") if rel in links]
    for url in [*with_token, headers.get("X-Xet-Refresh-Route")]:
        if url is not None and not _may_have_token(url):
            raise EndpointError(f"{host} has the token sent to {url!r}, another host than its own")
    cas = headers.get("X-Xet-Cas-Url")
    if cas is not None and not is_secure(cas):
        raise EndpointError(f"{host} has Xet read from {cas!r}, which is not https")
    location = headers.get("Location")
    if location is not None and not is_secure(urljoin(str(response.url), location)):
        raise EndpointError(f"{host} redirects to {location!r}, which is not https")


def _check_actions(host: str, body: bytes) -> None:
    """Check the URLs in an answer about uploads; "verify" is sent the token."""
    try:
        actions = [
            a for item in json.loads(body)["objects"] for a in item.get("actions", {}).items()
        ]
        urls = [(verb, str(action["href"])) for verb, action in actions]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise EndpointError(f"{host} answers no list of uploads") from None
    for verb, url in urls:
        if not (_may_have_token(url) if verb == "verify" else is_secure(url)):
            raise EndpointError(f"{host} has the {verb} of a file sent to {url!r}")


def _check_wait(host: str, headers: Any) -> None:
    limits = re.findall(r"\bt\s*=\s*(\d+)", headers.get("ratelimit", ""))
    for seconds in (headers.get("Retry-After", "").strip(), *limits):
        if seconds.isdigit() and float(seconds) > MAX_WAIT:
            raise EndpointError(f"{host} asks to wait for {seconds:.20} s; try again later")


def _announced_size(host: str, response: Any) -> int | None:
    """Return the size of a file that is about to be downloaded, as huggingface_hub reads it."""
    headers = response.headers
    length = None if response.has_redirect_location else headers.get("Content-Length")
    text = headers.get("X-Linked-Size") or length
    if text is None or DOWNLOAD not in response.request.headers or response.is_error:
        return None
    if not re.fullmatch(r"\d{1,18}", text):
        raise EndpointError(f"{host} announces {text!r} bytes")
    max_bytes = _max_bytes.get()
    if max_bytes is not None and int(text) > max_bytes:
        raise EndpointError(f"{host} announces {text} bytes, more than {max_bytes}")
    return int(text)


def _body_limit(host: str, response: Any) -> int | None:
    """Return how many bytes a body may have; None for what is neither a file nor the Hub's."""
    path, headers = response.url.path, response.headers
    download = DOWNLOAD in response.request.headers
    is_api = path.startswith("/api/") and not path.startswith("/api/resolve-cache/")
    is_file = response.is_success and ("/resolve/" in path or (download and not is_api))
    if not (is_file or download or response.url.host == urlsplit(str(constants.ENDPOINT)).hostname):
        return None
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise EndpointError(COMPRESSED.format(host=host))
    length = int(headers.get("Content-Length", MAX_REPLY))
    if not is_file:
        return min(length, MAX_REPLY)
    if not download:
        return length
    size = next((n for n in (_announced.get(), _max_bytes.get()) if n is not None), length)
    free = free_space(Path(constants.HF_HUB_CACHE))
    if length > free:
        raise EndpointError(f"{host} announces {length} bytes, and {free} are free in the cache")
    return size


def free_space(folder: Path) -> int:
    """Return the free bytes of the disk of a folder, which need not exist yet."""
    folder = folder.absolute()
    return shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists())).free


def limited(chunks: Iterator[bytes], limit: int, host: str) -> Iterator[bytes]:
    """Yield chunks up to `limit` bytes in all."""
    for chunk in chunks:
        limit -= len(chunk)
        if limit < 0:
            raise EndpointError(f"{host} sends more than it has announced")
        yield chunk
