"""Download files from URLs: releases on GitHub, and plain https.

url -> ZOO_MIRROR -> redirects -> FILE.part, resumed -> FILE, of the announced size

By the HTTP client of huggingface_hub, with its proxies and certificates; no token is sent.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from filelock import FileLock
from huggingface_hub import constants
from huggingface_hub.utils.tqdm import tqdm

from zoo.checkpoints import endpoint
from zoo.checkpoints.endpoint import EndpointError
from zoo.papers.weights import WeightsError

MAX_REDIRECTS = 5
# Host -> the end of the names of the hosts that keep its files. No other host is redirected to.
FILE_HOSTS = {"github.com": ".githubusercontent.com"}


def mirrored(url: str) -> str:
    """Return the place of a URL by ZOO_MIRROR, and the URL itself without it.

    ZOO_MIRROR is a URL that replaces scheme and host, or PREFIX=URL, which replaces a prefix. Of
    several with spaces between them, the first that fits counts.
    """
    for rule in os.environ.get("ZOO_MIRROR", "").split():
        prefix, is_pair, to = rule.partition("=")
        if not is_pair:
            parts = urlsplit(url)
            return prefix.rstrip("/") + url.removeprefix(f"{parts.scheme}://{parts.netloc}")
        if url.startswith(prefix):
            return to + url.removeprefix(prefix)
    return url


def remote_size(url: str, *, plain_http: bool = False) -> int | None:
    """Return the bytes of a file at a URL, None if the server does not say."""
    try:
        with _request("HEAD", mirrored(url), {}, plain_http) as response:
            length = response.headers.get("Content-Length", "")
            return int(length) if response.is_success and length.isdigit() else None
    except Exception:  # each version of huggingface_hub has its own HTTP library
        return None


def download(url: str, to: Path, *, max_bytes: int, plain_http: bool = False) -> None:
    """Download a file; a call that was interrupted is resumed.

    Args:
        url: Where it is published; see `mirrored`.
        to: The file to write. Until it is whole, its bytes are in `to`.part.
        max_bytes: The most that it may have.
        plain_http: Take it without https too, as its sum will be compared.

    Raises:
        WeightsError: One sentence on why the file cannot be had.
    """
    source = mirrored(url)
    if constants.HF_HUB_OFFLINE:
        raise WeightsError(f"{source} is not on this machine, and HF_HUB_OFFLINE is set")
    part, tag = to.with_name(f"{to.name}.part"), to.with_name(f"{to.name}.etag")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(to.with_name(f"{to.name}.lock")):
            _download(source, part, tag, max_bytes, plain_http)
            part.replace(to)
    except WeightsError:
        raise
    except OSError as error:
        for unfinished in (part, tag):
            unfinished.unlink(missing_ok=True)
        raise WeightsError(f"{source} cannot be written to {to.parent}: {error}") from None
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        size = part.stat().st_size if part.is_file() else 0
        cause = str(error).partition("\n")[0] or type(error).__name__
        resume = f" after {size} bytes; the same command resumes" if size else ""
        raise WeightsError(f"{source} did not arrive{resume}: {cause}") from error


def _download(url: str, part: Path, tag: Path, max_bytes: int, plain_http: bool) -> None:
    """Complete a partial file, or begin again if the server's `tag` has changed."""
    validator = tag.read_text("ascii") if tag.is_file() else ""
    start = part.stat().st_size if part.is_file() and validator else 0
    resume = {"Range": f"bytes={start}-", "If-Range": validator} if start else {}
    with _request("GET", url, resume, plain_http) as response:
        if start and response.status_code == 416:
            part.unlink()
        else:
            start, total = _check_answer(url, response, start, max_bytes, part.parent)
            validator = response.headers.get("ETag") or response.headers.get("Last-Modified", "")
            tag.write_text(validator, "ascii")
            _write(response, part, start, total, url)
            tag.unlink()
            return
    _download(url, part, tag, max_bytes, plain_http)


def _write(response: Any, part: Path, start: int, total: int, url: str) -> None:
    """Append a body to a partial file."""
    host = urlsplit(url).netloc
    bar = cast(Any, tqdm)(
        desc=Path(urlsplit(url).path).name, total=total, initial=start, unit="B", unit_scale=True
    )
    with part.open("r+b" if start else "wb") as file, bar:
        file.seek(start)
        for chunk in endpoint.limited(response.iter_raw(), total - start, host):
            file.write(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())


def _check_answer(
    url: str, response: Any, start: int, max_bytes: int, folder: Path
) -> tuple[int, int]:
    """Return the first byte that a response sends, and the size of the whole file."""
    status, headers = response.status_code, response.headers
    if status == 404:
        raise WeightsError(f"{url} is not there (404): it has been moved or removed")
    if not response.is_success:
        raise WeightsError(f"{url} does not give the file: status {status}")
    host = urlsplit(url).netloc
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise EndpointError(endpoint.COMPRESSED.format(host=host))
    length = headers.get("Content-Length", "")
    text = f"bytes 0-/{length}"
    if status == 206:
        text = headers.get("Content-Range", "")
    else:
        start = 0
    size = re.fullmatch(rf"bytes {start}-\d*/(\d{{1,18}})", text)
    if not size or not length.isdigit() or int(size[1]) != start + int(length):
        raise EndpointError(f"{host} does not say how many bytes the file has")
    total = int(size[1])
    if total > max_bytes:
        raise EndpointError(f"{host} announces {total} bytes, more than {max_bytes}")
    if (free := endpoint.free_space(folder)) < total - start:
        raise EndpointError(f"{host} announces {total} bytes, and {free} are free in {folder}")
    return start, total


@contextmanager
def _request(method: str, url: str, headers: Mapping[str, str], plain_http: bool) -> Iterator[Any]:
    """Yield the response to a request, after the redirects that are allowed."""
    for _ in range(MAX_REDIRECTS + 1):
        if not (plain_http and urlsplit(url).scheme == "http"):
            endpoint.check_secure("the URL", url)
        client = endpoint.guarded_session()
        with client.stream(
            method,
            url,
            headers=dict(headers),
            follow_redirects=False,
            extensions={endpoint.OWN_LIMIT: True},
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        ) as response:
            if not response.has_redirect_location:
                yield response
                return
            target = urljoin(url, response.headers["Location"])
        _check_redirect(url, target)
        url = target
    raise EndpointError(f"{urlsplit(url).netloc} redirects more than {MAX_REDIRECTS} times")


def _check_redirect(url: str, target: str) -> None:
    old, new = urlsplit(url), urlsplit(target)
    known = FILE_HOSTS.get(old.hostname or "")
    if old.netloc != new.netloc and not (known and (new.hostname or "").endswith(known)):
        raise EndpointError(f"{old.netloc} redirects to {new.netloc}, another host than its own")
