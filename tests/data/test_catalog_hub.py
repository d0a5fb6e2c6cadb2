"""`zoo data get` from a Hub on loopback, by huggingface_hub and `datasets` as they are."""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from huggingface_hub import constants
from starlette.requests import Request

from tests.support.data_sets import left
from tests.support.hub_server import Hub, Reply, cut_after, serving
from tests.support.images import photo
from tests.support.patching import replace_everywhere
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import list_datasets

SET5 = ("baby", "bird", "butterfly", "head", "woman")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub, and this process as its client with an empty cache."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    for module in (constants, datasets.config):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    with serving() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", server.url)
        yield server


def set5() -> dict[str, bytes]:
    """Set5's large images as its repository on the Hub has them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for i, name in enumerate(SET5):
            body = io.BytesIO()
            photo(24 + i, 30).save(body, "PNG")
            info = tarfile.TarInfo(f"Set5_HR/{name}.png")
            info.size = len(body.getvalue())
            archive.addfile(info, io.BytesIO(body.getvalue()))
    return {"data/Set5_HR.tar.gz": stream.getvalue(), "README.md": b"Set5"}


def test_get_set5_from_hub_makes_small_images_when_read(hub: Hub, tmp_path: Path) -> None:
    files = set5()
    hub.push("datasets/eugenesiow/Set5", files)
    assert catalog.describe("set5").bytes == len(files["data/Set5_HR.tar.gz"])
    catalog.get("set5", tmp_path / "data")
    assert left(tmp_path / "data" / "set5" / "HR") == [f"{name}.png" for name in SET5]
    pairs: Any = BENCHMARKS["set5/bi_x4"].open(tmp_path / "data")
    assert pairs[0].small.shape == (7, 6, 3)
    assert all(not check.problem for check in catalog.verify(tmp_path / "data"))


@pytest.mark.slow
def test_get_interrupted_hub_download_resumes(hub: Hub, tmp_path: Path) -> None:
    hub.push("datasets/eugenesiow/Set5", set5())
    hub.faults.append(cut_after(500, times=50))
    with pytest.raises((ValueError, OSError)):
        catalog.get("set5", tmp_path / "data")
    assert left(tmp_path / "data") == []
    hub.faults.clear()
    catalog.get("set5", tmp_path / "data")
    assert left(tmp_path / "data") == ["set5"]


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "GatedRepo", r"imagenet is gated: accept the terms at https://huggingface\.co/"),
        (401, "GatedRepo", r"imagenet is gated: accept the terms at https://huggingface\.co/"),
        (401, "RepoNotFound", r"there is no .*/ILSVRC/imagenet-1k, or a private one: log in"),
    ],
)
def test_get_gated_set_says_how_to_get_access(
    hub: Hub, tmp_path: Path, status: int, code: str, message: str
) -> None:
    hub.push("datasets/ILSVRC/imagenet-1k", {"data/validation-00000-of-00001.parquet": b"PAR1"})

    def refuse(request: Request, reply: Reply) -> Reply:
        refused = "/resolve/" in request.url.path or code == "RepoNotFound"
        return Reply(status, {"X-Error-Code": code}) if refused else reply

    hub.faults.append(refuse)
    with pytest.raises(ValueError, match=message):
        catalog.get("imagenet", tmp_path / "data")
    assert left(tmp_path / "data") == []


def test_get_missing_repository_raises(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no .*/datasets/eugenesiow/Set5"):
        catalog.get("set5", tmp_path / "data")
    assert left(tmp_path / "data") == []


def test_get_offline_raises(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE is set"):
        catalog.get("set5", tmp_path / "data")


def shrink(monkeypatch: pytest.MonkeyPatch, name: str, **sizes: int) -> None:
    """Leave a data set these benchmarks, of these sizes."""
    names = tuple(f"{name}/{split}" for split in sizes)
    entries = tuple(
        replace(entry, benchmarks=names) if entry.name == name else entry
        for entry in list_datasets()
    )
    replace_everywhere(monkeypatch, "zoo.data.catalog.entries.list_datasets", lambda: entries)
    for benchmark, size in zip(names, sizes.values(), strict=True):
        monkeypatch.setitem(BENCHMARKS, benchmark, replace(BENCHMARKS[benchmark], size=size))


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    datasets.Dataset.from_list(rows).to_parquet(stream)
    return stream.getvalue()


def test_get_pile_keeps_documents(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["one\n", "two é\n\nthree", "{"]
    lines = [json.dumps({"text": text, "meta": {"pile_set_name": "Github"}}) for text in texts]
    hub.push("datasets/EleutherAI/pile_val_test", {"val.jsonl": "\n".join(lines).encode()})
    shrink(monkeypatch, "pile", validation=3)
    catalog.get("pile", tmp_path / "data")
    samples: Any = BENCHMARKS["pile/validation"].open(tmp_path / "data")
    assert list(samples.documents) == texts


def test_get_lm_eval_writes_the_splits_of_each_task(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lm_eval")
    question = {"question": "Why?", "answer": "B", "options": ["a", "b", "c", "d"]}
    race = [{"article": article, "example_id": "1", **question} for article in ("A", "A", "B")]
    sciq = [
        {
            "question": "Q",
            "correct_answer": "y",
            "support": "S",
            **dict.fromkeys(("distractor1", "distractor2", "distractor3"), "n"),
        }
    ] * 4
    hub.push(
        "datasets/ehovy/race",
        {
            "middle/test-00000-of-00001.parquet": parquet(race),
            "README.md": (
                b"---\nconfigs:\n- config_name: middle\n  data_files:\n  - split: test\n"
                b"    path: middle/test-*\n---\n"
            ),
        },
    )
    splits = ("train", "validation", "test")
    hub.push(
        "datasets/allenai/sciq",
        {f"data/{split}-00000-of-00001.parquet": parquet(sciq) for split in splits},
    )
    shrink(monkeypatch, "lm_eval", race_middle=2, sciq=4)
    catalog.get("lm_eval", tmp_path / "data")
    assert left(tmp_path / "data" / "lm_eval" / "sciq") == sorted(f"{s}.parquet" for s in splits)
    documents: Any = BENCHMARKS["lm_eval/race_middle"].open(tmp_path / "data")
    assert [documents[i]["article"] for i in range(2)] == ["A", "B"]


def test_get_openwebtext_writes_ids_of_held_out_documents(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document in 2,000, drawn as nanoGPT's prepare.py draws it."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab = {"<|endoftext|>": 0} | {f"{i}": i + 1 for i in range(3000)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    hub.push("openai-community/gpt2", {"tokenizer.json": tokenizer.to_str().encode()})
    rows = [{"text": f"{i} {i}"} for i in range(3000)]
    hub.push(
        "datasets/Skylion007/openwebtext",
        {"plain_text/train-00000-of-00001.parquet": parquet(rows)},
    )
    expected = datasets.Dataset.from_list(rows).train_test_split(
        test_size=0.0005, seed=2357, shuffle=True
    )["test"]
    ids = [number for row in expected for number in (*(2 * [int(row["text"].split()[0]) + 1]), 0)]
    shrink(monkeypatch, "openwebtext", validation=len(ids))
    catalog.get("openwebtext", tmp_path / "data")
    written = np.fromfile(tmp_path / "data" / "openwebtext" / "validation.bin", dtype="<u2")
    assert written.tolist() == ids
