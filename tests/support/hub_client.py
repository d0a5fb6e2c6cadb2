"""What clients do to a Hub, run in a process of its own, as HF_ENDPOINT is read at import.

python -m tests.support.hub_client CHECK        (HF_ENDPOINT, HF_HOME, ... from outside)
"""

import hashlib
import random
import sys
import tempfile
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

API = HfApi(token="hf_alice")
READER, STRANGER, ANYONE, BAD = (
    HfApi(token=token) for token in ("hf_reader", "hf_bob", False, "hf_wrong")
)
CARD = """---
license: apache-2.0
tags: [zoo]
pipeline_tag: image-classification
---
# A model
"""


def some_files(large: int = 12_000_000) -> dict[str, bytes]:
    """A large one, a text that compresses, an empty one, and names that need quoting."""
    draw = random.Random(0)
    noise = draw.randbytes(large)
    floats = array("f", (draw.gauss(0, 0.02) for _ in range(50_000))).tobytes()
    text = b"".join(b"%d squared is %d\n" % (i, i * i) for i in range(90_000))
    return {
        "model.safetensors": noise,
        "data/squares.bin": text + bytes(300_000),
        "data/floats.npy": floats,
        "README.md": CARD.encode(),
        "empty.txt": b"",
        "sub folder/naïve café #1?.txt": "größe".encode(),
    }


def written(files: dict[str, bytes]) -> Path:
    folder = Path(tempfile.mkdtemp())
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read(folder: str | Path) -> dict[str, bytes]:
    top = Path(folder)
    return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}


def uploaded(repo: str, files: dict[str, bytes]) -> str:
    API.create_repo(repo)
    done = API.upload_folder(repo_id=repo, folder_path=written(files), commit_message="all of it")
    return str(done.oid)


def repositories() -> None:
    """create, exist_ok, 409, list, delete, cards, whoami."""
    who = API.whoami()
    assert (who["name"], who["auth"]["accessToken"]["role"]) == ("alice", "write")
    url = API.create_repo("alice/first")
    assert (url.repo_id, url.repo_type) == ("alice/first", "model")
    assert API.create_repo("first", exist_ok=True).repo_id == "alice/first"
    with pytest.raises(HfHubHTTPError, match="409"):
        API.create_repo("alice/first")
    with pytest.raises(HfHubHTTPError, match="403"):
        READER.create_repo("alice/second")
    with pytest.raises(HfHubHTTPError, match="403"):
        STRANGER.create_repo("alice/second")
    data = API.create_repo("zoo/data", repo_type="dataset")
    assert (data.repo_id, data.repo_type) == ("zoo/data", "dataset")
    assert [repo.id for repo in API.list_datasets(author="zoo")] == ["zoo/data"]
    API.create_repo("alice/third")
    assert {repo.id for repo in API.list_models(author="alice")} == {"alice/first", "alice/third"}
    assert [repo.id for repo in ANYONE.list_models(search="THIR")] == ["alice/third"]
    API.delete_repo("alice/third")
    assert not API.repo_exists("alice/third")


def cards() -> None:
    """A card goes up if its metadata is sound, and is found by it."""
    API.create_repo("alice/card")
    ModelCard(CARD).push_to_hub("alice/card", token="hf_alice")
    assert ModelCard.load("alice/card").data.license == "apache-2.0"
    assert [repo.id for repo in API.list_models(filter="zoo")] == ["alice/card"]
    with pytest.raises(ValueError, match="no YAML"):
        API.upload_file(
            path_or_fileobj=b"---\nlicense: [\n---\n",
            path_in_repo="README.md",
            repo_id="alice/card",
        )


def uploads() -> None:
    """Folders go up and come down; what is there already makes no commit."""
    files = some_files()
    first = uploaded("alice/net", files)
    again = API.upload_folder(repo_id="alice/net", folder_path=written(files))
    assert again.oid == first
    assert len(API.list_repo_commits("alice/net")) == 2
    tree = {item.path: item for item in API.list_repo_tree("alice/net", recursive=True)}
    assert set(tree) == {*files, "data", "sub folder"}
    model, text = tree["model.safetensors"], tree["README.md"]
    digest = hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert (model.lfs.sha256, model.size) == (digest, 12_000_000)
    assert text.lfs is None
    top = [item.path for item in API.list_repo_tree("alice/net", "data")]
    assert top == ["data/floats.npy", "data/squares.bin"]
    with pytest.raises(EntryNotFoundError):
        list(API.list_repo_tree("alice/net", "nowhere"))
    items = API.get_paths_info("alice/net", ["data", "empty.txt", "nowhere"])
    assert [item.path for item in items] == ["empty.txt", "data"]
    info = ANYONE.model_info("alice/net", files_metadata=True)
    assert (info.sha, info.pipeline_tag, info.card_data.license) == (
        first,
        "image-classification",
        "apache-2.0",
    )
    assert {file.rfilename: file.size for file in info.siblings} == {
        name: len(content) for name, content in files.items()
    }
    assert read(snapshot_download("alice/net")) == files
    assert (
        read(snapshot_download("alice/net", local_dir=tempfile.mkdtemp())).items() >= files.items()
    )
    path = Path(hf_hub_download("alice/net", "model.safetensors"))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    changed = {**files, "model.safetensors": files["model.safetensors"][:-1] + b"!"}
    API.upload_folder(repo_id="alice/net", folder_path=written(changed))
    assert read(snapshot_download("alice/net")) == changed
    assert read(snapshot_download("alice/net", revision=first)) == files


def commits() -> None:
    """add, delete, copy, tags, branches, the parent that is by now another."""
    files = some_files(20_000)
    first = uploaded("alice/log", files)
    API.create_tag("alice/log", tag="v1", revision=first)
    with pytest.raises(HfHubHTTPError, match="409"):
        API.create_tag("alice/log", tag="v1")
    done = API.create_commit(
        "alice/log",
        [
            CommitOperationAdd("new.txt", b"new"),
            CommitOperationDelete("empty.txt"),
            CommitOperationDelete("sub folder/"),
            CommitOperationCopy("model.safetensors", "copy.safetensors"),
            CommitOperationCopy("README.md", "OLD.md"),
        ],
        commit_message="much",
        parent_commit=first,
    )
    expected = {
        k: v for k, v in files.items() if k not in ("empty.txt", "sub folder/naïve café #1?.txt")
    }
    expected |= {"new.txt": b"new", "OLD.md": files["README.md"]}
    expected["copy.safetensors"] = files["model.safetensors"]
    assert read(snapshot_download("alice/log")) == expected
    assert read(snapshot_download("alice/log", revision="v1")) == files
    with pytest.raises(HfHubHTTPError, match="412"):
        API.create_commit(
            "alice/log", [CommitOperationAdd("x", b"")], commit_message="x", parent_commit=first
        )
    API.create_branch("alice/log", branch="refs/odd name", revision="v1")
    API.upload_file(
        path_or_fileobj=b"b", path_in_repo="b", repo_id="alice/log", revision="refs/odd name"
    )
    refs = API.list_repo_refs("alice/log")
    assert [ref.target_commit for ref in refs.tags] == [first]
    assert {ref.name: ref.target_commit == done.oid for ref in refs.branches} == {
        "main": True,
        "refs/odd name": False,
    }
    assert [commit.title for commit in API.list_repo_commits("alice/log")][:2] == [
        "much",
        "all of it",
    ]
    API.delete_tag("alice/log", tag="v1")
    with pytest.raises(RevisionNotFoundError):
        API.model_info("alice/log", revision="v1")
    refuse_paths("alice/log")


def refuse_paths(repo: str) -> None:
    for path in ("../x", "a//b", ".git/config"):
        with pytest.raises((HfHubHTTPError, ValueError)):
            API.upload_file(path_or_fileobj=b"", path_in_repo=path, repo_id=repo)
    with pytest.raises((BadRequestError, HfHubHTTPError), match="a file and a folder"):
        API.upload_file(path_or_fileobj=b"x", path_in_repo="new.txt/x", repo_id=repo)


def rights() -> None:
    """Private and gated repositories, for owner, stranger, anybody, and a token that is none."""
    API.create_repo("alice/secret", private=True)
    API.upload_file(path_or_fileobj=b"s", path_in_repo="f.txt", repo_id="alice/secret")
    assert API.model_info("alice/secret").private
    for other in (STRANGER, ANYONE):
        with pytest.raises(RepositoryNotFoundError):
            other.model_info("alice/secret")
        with pytest.raises(RepositoryNotFoundError):
            other.hf_hub_download("alice/secret", "f.txt")
        assert "alice/secret" not in [repo.id for repo in other.list_models()]
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        BAD.model_info("alice/secret")
    API.create_repo("alice/gated")
    API.upload_file(path_or_fileobj=b"g", path_in_repo="f.txt", repo_id="alice/gated")
    API.update_repo_settings("alice/gated", gated="auto")
    assert ANYONE.model_info("alice/gated").gated == "auto"
    for other in (STRANGER, ANYONE):
        with pytest.raises(GatedRepoError):
            other.hf_hub_download("alice/gated", "f.txt")
    assert Path(API.hf_hub_download("alice/gated", "f.txt")).read_bytes() == b"g"
    API.update_repo_settings("alice/gated", gated=False)
    assert Path(STRANGER.hf_hub_download("alice/gated", "f.txt")).read_bytes() == b"g"
    for other in (STRANGER, READER, ANYONE):
        with pytest.raises(HfHubHTTPError):
            other.upload_file(path_or_fileobj=b"", path_in_repo="f", repo_id="alice/gated")
    with pytest.raises(EntryNotFoundError):
        API.hf_hub_download("alice/gated", "nowhere")


CHECKS: dict[str, Callable[[], None]] = {
    check.__name__: check for check in (repositories, cards, uploads, commits, rights)
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        CHECKS[name]()
