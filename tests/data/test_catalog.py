"""Data sets from nothing to whole, against a server on loopback with the published layouts."""

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.data_sets import left, md5, png, tar_of, zip_of
from tests.support.file_server import Answer, FileServer
from tests.support.full_disk import full_disk
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import DatasetEntry, get_dataset, list_datasets


def path_of(name: str) -> str:
    """The path of the only URL of a data set."""
    (url,) = [url for file in get_dataset(name).files for url in file.urls()]
    return "/" + url.split("/", 3)[3]


def with_sum(entry: DatasetEntry, **sums: Any) -> tuple[Any, ...]:
    return tuple(replace(file, **sums) for file in entry.files)


def test_get_resumes_interrupted_download(
    server: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    archive = zip_of({"text8": b" abc" * 5000})
    answer = Answer(archive, cut_after=50)
    server.files[path_of("text8")] = answer
    resize("text8", 1, files=with_sum(get_dataset("text8"), member_sum=""))
    with pytest.raises(ValueError, match="did not arrive after 50 bytes; the same command resumes"):
        catalog.get("text8", tmp_path)
    assert left(tmp_path) == []
    catalog.get("text8", tmp_path)
    assert server.requests[-1].endswith("bytes=50-")
    assert (tmp_path / "text8" / "test.txt").read_bytes() == b" abc" * 5000


def test_get_keeps_last_bytes_from_whole_character_on(
    server: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    text = "x" * 10 + "é" * 3_000_000  # a cut of 5,000,001 bytes would begin in the middle of one
    server.files[path_of("enwik8")] = Answer(zip_of({"enwik8": text.encode()}))
    files = with_sum(get_dataset("enwik8"), member_sum=f"md5:{md5(text.encode())}")
    files = tuple(replace(file, last_bytes=5_000_001) for file in files)
    resize("enwik8", 1, files=files)
    catalog.get("enwik8", tmp_path)
    assert (tmp_path / "enwik8" / "test.txt").read_text() == "é" * 2_500_000


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("imagenet_a", tar_of({"imagenet-a/n01/x.jpg": b"1"}, "w"), "has the md5 .*, not c3e55"),
        ("ptb", b" no it was n't black monday \n", "has the md5 .*, not 8b801"),
        ("text8", zip_of({"text8": b"abc"}), "has the md5 .*, not 3bea1"),
        ("text8", zip_of({"text9": b"abc"}), r"text8\.zip has no text8"),
        ("text8", zip_of({"text8": b"abc"})[:-20], r"text8\.zip is no whole archive"),
        ("text8", b"<html>", r"text8\.zip is no whole archive"),
        ("text8", zip_of({"../text8": b"abc"}), "which would leave its folder"),
    ],
    ids=["tar", "text", "zip", "other-member", "cut-zip", "page", "path"],  # zips have a time
)
def test_get_other_file_raises_and_leaves_nothing(
    server: FileServer, tmp_path: Path, name: str, body: bytes, message: str
) -> None:
    server.files[path_of(name)] = Answer(body)
    with pytest.raises(ValueError, match=message):
        catalog.get(name, tmp_path)
    assert left(tmp_path) == []


@pytest.mark.parametrize(("status", "message"), [(404, "moved or removed"), (403, "status 403")])
def test_get_refused_file_raises(
    server: FileServer, tmp_path: Path, status: int, message: str
) -> None:
    server.files[path_of("ptb")] = Answer(status=status)
    with pytest.raises(ValueError, match=message):
        catalog.get("ptb", tmp_path)
    assert left(tmp_path) == []


def test_get_redirect_to_other_host_raises(server: FileServer, tmp_path: Path) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.files[path_of("ptb")] = Answer(status=302, headers={"Location": f"{elsewhere}/x"})
    with pytest.raises(ValueError, match=r"redirects to localhost:[0-9]+, another host"):
        catalog.get("ptb", tmp_path)
    assert server.requests == [f"GET {path_of('ptb')}"]
    assert left(tmp_path) == []


@pytest.mark.parametrize("limit", [1000, 20_000], ids=["download", "unpacked"])
def test_get_full_disk_raises_and_resumes(
    limit: int, server: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    text = os.urandom(14_000).hex().encode()  # half as long when packed
    server.files[path_of("text8")] = Answer(zip_of({"text8": text}))
    resize("text8", 1, files=with_sum(get_dataset("text8"), member_sum=""))
    with full_disk(limit), pytest.raises(ValueError, match=r"text8.*File too large"):
        catalog.get("text8", tmp_path)
    assert left(tmp_path) == []
    catalog.get("text8", tmp_path)
    assert left(tmp_path) == ["text8"]


def test_get_set12_compares_contents(server: FileServer, tmp_path: Path) -> None:
    """Twelve other images are not the published ones."""
    for file in get_dataset("set12").files:
        for url in file.urls():
            server.files["/" + url.split("/", 3)[3]] = Answer(png(16, 16))
    assert len(server.files) == 12
    with pytest.raises(ValueError, match=r"its files are not those of https://github\.com/cszn"):
        catalog.get("set12", tmp_path)
    assert left(tmp_path) == []


def test_get_div2k_gives_small_images_names_of_large_ones(
    server: FileServer, resize: Callable[..., None], tmp_path: Path
) -> None:
    small = {scale: png(24 // scale, 24 // scale) for scale in (2, 3, 4)}
    archives = {"DIV2K_valid_HR.zip": {"DIV2K_valid_HR/0801.png": png(24, 24)}}
    archives |= {
        f"DIV2K_valid_LR_bicubic_X{s}.zip": {f"DIV2K_valid_LR_bicubic/X{s}/0801x{s}.png": body}
        for s, body in small.items()
    }
    for name, files in archives.items():
        server.files[f"/cvl/DIV2K/{name}"] = Answer(zip_of(files))
    resize("div2k_valid", 1)
    assert catalog.describe("div2k_valid").unknown == 0
    catalog.get("div2k_valid", tmp_path)
    for scale, body in small.items():
        pair: Any = BENCHMARKS[f"div2k_valid/bi_x{scale}"].open(tmp_path)[0]
        assert (pair.name, pair.large.shape) == ("0801", (24, 24, 3))
        assert np.array_equal(pair.small, np.asarray(Image.open(io.BytesIO(body))))


def test_get_from_folder_links_files_and_checks_them(
    resize: Callable[..., None], tmp_path: Path
) -> None:
    own = tmp_path / "manga"
    own.mkdir()
    for i in range(3):
        (own / f"{i}.png").write_bytes(png(24, 24))
    resize("manga109", 4)
    with pytest.raises(ValueError, match=r"manga109/bi_x2 has 4 images, .* holds 3"):
        catalog.get("manga109", tmp_path / "data", source=own)
    assert left(tmp_path / "data") == []
    resize("manga109", 3)
    catalog.get("manga109", tmp_path / "data", source=own)
    assert left(tmp_path / "data" / "manga109" / "HR") == ["0.png", "1.png", "2.png"]


def test_get_without_download_says_how_to_get_access(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ask at http://www\.manga109\.org"):
        catalog.get("manga109", tmp_path)
    assert left(tmp_path) == []


def test_get_unknown_name_raises(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no data set is called 'cifar'; there are cifar10"):
        catalog.get("cifar", tmp_path)


def test_list_datasets_benchmarks_exist_and_all_bundled_ones_are_left_out() -> None:
    names = [name for entry in list_datasets() for name in entry.benchmarks]
    names += [name for entry in list_datasets() for name in entry.also]
    assert len(names) == len(set(names))
    assert all(not BENCHMARKS[name].bundled for name in names)
    for entry in list_datasets():
        assert entry.files or entry.builder or entry.access, entry.name
        assert entry.license
        assert entry.home.startswith("http")


def test_list_datasets_has_every_set_for_evaluation() -> None:
    """Of images, at every scale and with every kind of labels."""
    names = {name for entry in list_datasets() for name in (*entry.benchmarks, *entry.also)}
    tasks = ("super-resolution", "denoising", "image-classification")
    missing = {
        benchmark.id
        for benchmark in BENCHMARKS.values()
        if benchmark.task in tasks and not benchmark.bundled and benchmark.id not in names
    }
    extra = {"cifar10_jpeg/test", "cifar10_jpeg/train", "svhn/extra"}
    assert missing == extra | {"imagenet/train", "train400/train", "cbsd432/train"}


def test_race_articles_have_form_of_the_harness() -> None:
    from zoo.data.lm_tasks import by_article, task_config

    keys = ("article", "question", "options", "answer")
    options = ["a", "b", "c", "d"]
    rows = [
        dict(zip(keys, ("Once.", "Who  _  .", options, "B"), strict=True)),
        dict(zip(keys, ("Once.", "Why?", options, "C"), strict=True)),
        dict(zip(keys, ("Twice.", "When?", options, "A"), strict=True)),
    ]
    documents = by_article(rows)
    config = task_config("race_middle")
    assert [document["article"] for document in documents] == ["Once.", "Twice."]
    assert config["doc_to_target"](documents[0]) == 2
    text = config["doc_to_text"](documents[0])
    assert text == "Article: Once.\n\nWho b\nWhy?"
