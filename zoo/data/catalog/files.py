"""Files of the catalogue: downloaded whole, compared with their sum, copied or unpacked.

RemoteFile -> zoo.checkpoints.web | huggingface_hub -> sum -> members of an archive -> folder
"""

import hashlib
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from zoo.checkpoints import endpoint, web
from zoo.data.catalog.entries import DatasetEntry, RemoteFile

MAX_BYTES = 1 << 40  # of one file
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError)


def sizes(file: RemoteFile) -> Iterator[int | None]:
    """Yield the bytes of each file to download, None where the server does not say."""
    for url in file.urls():
        yield web.remote_size(url, plain_http=bool(file.sum))
    if file.repo:
        try:
            tree = HfApi().list_repo_tree(file.repo, repo_type="dataset", recursive=True)
            files = [entry for entry in tree if isinstance(entry, RepoFile)]
            yield from (entry.size for entry in files if fnmatchcase(entry.path, file.path))
        except Exception:  # gated or not there: the download says which
            yield None


def fetch(entry: DatasetEntry, file: RemoteFile, downloads: Path) -> list[Path]:
    """Download files; what an interrupted call has had is kept, and resumed.

    Raises:
        ValueError: A file cannot be had, or is another one than was published.
    """
    files = []
    for url in file.urls():
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        path = downloads / digest / PurePosixPath(unquote(urlsplit(url).path)).name
        if not path.is_file():
            web.download(url, path, max_bytes=MAX_BYTES, plain_http=bool(file.sum))
        files.append(path)
    if file.repo:
        files += _from_hub(entry, file, downloads / "hub")
    for path in files:
        _check_sum(path, file.sum)
    return files


def _from_hub(entry: DatasetEntry, file: RemoteFile, folder: Path) -> list[Path]:
    home = f"{endpoint.checked_endpoint()}/datasets/{file.repo}"
    try:
        root = snapshot_download(
            file.repo, repo_type="dataset", allow_patterns=[file.path], local_dir=folder
        )
    except GatedRepoError:
        access = entry.access or f"accept its terms at {home} and log in (hf auth login)"
        raise ValueError(f"{entry.name} is gated: {access}") from None
    except RepositoryNotFoundError:
        raise ValueError(f"there is no {home}, or a private one: log in (hf auth login)") from None
    except LocalEntryNotFoundError as error:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _first_line(error)
        raise ValueError(f"{home} cannot be had: {why}") from None
    except OSError:
        raise
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        raise ValueError(
            f"{home} did not arrive; the same command resumes: {_first_line(error)}"
        ) from None
    files = sorted(Path(root).glob(file.path))
    if not files:
        raise ValueError(f"{home} has no {file.path}")
    return files


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _check_sum(path: Path, expected: str) -> None:
    """Compare a file with its published sum; another file is removed."""
    if not expected:
        return
    kind, _, digest = expected.partition(":")
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, kind).hexdigest()
    if actual != digest:
        path.unlink()
        raise ValueError(
            f"{path.name} has the {kind} {actual}, not {digest}: it is not the file that was "
            "published, and has been removed"
        )


def place(file: RemoteFile, paths: list[Path], folder: Path) -> None:
    """Copy files, or unpack archives, below a data set's folder.

    Raises:
        ValueError: An archive is broken or unsafe, or lacks its member.
    """
    for path in paths:
        if not path.name.endswith(ARCHIVES):
            _write(file, path.name, path.open("rb"), folder)
            continue
        count = 0
        try:
            for name, stream in _members(path):
                relative = _relative(name, file.member, path)
                if relative:
                    _write(file, relative, stream, folder)
                    count += 1
        except BROKEN as error:
            path.unlink()
            raise ValueError(f"{path.name} is no whole archive ({error}): removed") from None
        if not count:
            raise ValueError(f"{path.name} has no {file.member or 'file'}")


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield (name, contents) of the regular files of an archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, archive.open(info)
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isreg() and (stream := archive.extractfile(member)):
                yield member.name, stream


def _relative(name: str, member: str, path: Path) -> str:
    """Return a file's path below the member to keep, "" for any other file."""
    name = name.removeprefix("./")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts:
        raise ValueError(f"{path.name} has a file {name!r}, which would leave its folder")
    if any(part[0] == "." or part == "__MACOSX" for part in parts):
        return ""
    if member.endswith("/") or not member:
        return name.removeprefix(member) if name.startswith(member) else ""
    return PurePosixPath(name).name if name == member else ""


def _write(file: RemoteFile, name: str, stream: IO[bytes], folder: Path) -> None:
    """Write one file below the folder, under the name that the layout gives it."""
    is_file = bool(PurePosixPath(file.to).suffix)
    relative = PurePosixPath(file.to) if is_file else PurePosixPath(file.to) / name
    stem = relative.stem.removesuffix(file.drop) if file.drop else relative.stem
    target = folder / relative.with_name(f"{stem}{relative.suffix}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)
    _check_sum(target, file.member_sum)
    if file.last_bytes:
        target.write_bytes(_last(target, file.last_bytes))


def _last(path: Path, count: int) -> bytes:
    """Return the last bytes of a text, from the first whole character on."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - count))
        data = file.read()
    start = next((i for i in range(min(4, len(data))) if data[i] & 0xC0 != 0x80), 0)
    return data[start:]


@contextmanager
def hub_errors(repo: str) -> Iterator[Any]:
    """Turn what loading a data set from the Hub raises into one sentence."""
    home = f"{endpoint.checked_endpoint()}/datasets/{repo}"
    try:
        yield
    except GatedRepoError:
        raise ValueError(
            f"{repo} is gated: accept its terms at {home} and log in (hf auth login)"
        ) from None
    except (LookupError, FileNotFoundError) as error:
        raise ValueError(f"{home} cannot be had: {_first_line(error)}") from None
    except (ValueError, OSError):
        raise
    except Exception as error:  # of `datasets`, and of each version's HTTP library
        raise ValueError(f"{repo} cannot be had: {_first_line(error)}") from None


def link_or_copy(source: str, target: str) -> None:
    """Make a file of the same contents without using space, where the disk allows it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
