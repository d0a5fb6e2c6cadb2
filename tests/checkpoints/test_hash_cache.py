"""A large file is hashed once, and again when anything about it may have changed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

import zoo
from tests.checkpoints.conftest import Load, settle
from tests.support.patching import replace_everywhere
from zoo.checkpoints import hash_cache, safetensors_format, safetensors_reader
from zoo.checkpoints.loading import assign_state
from zoo.checkpoints.safetensors_format import check_finite
from zoo.checkpoints.safetensors_reader import read_tensors
from zoo.checkpoints.writing import file_sha256
from zoo.hub.verify import verify
from zoo.models._builder import build_model
from zoo.papers.weights import WeightsError

STATE = {
    "a": torch.arange(12.0).view(3, 4),
    "half": torch.arange(5).half(),
    "none": torch.empty(0, 3),
    "one": torch.tensor(7, dtype=torch.int64),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.safetensors"
    put(file, STATE)
    return file


def put(path: Path, state: dict[str, Tensor]) -> None:
    """Write a file, and wait until it has not just been written."""
    path.write_bytes(save(state))
    settle()


def test_read_tensors_second_load_is_not_hashed(load: Load, path: Path) -> None:
    first, second = load(path), load(path)
    assert load.hashed == 1
    assert load.sums == 2 * [file_sha256(path)]
    assert list(first) == list(second)
    for key, tensor in STATE.items():
        assert second[key].dtype == tensor.dtype
        assert torch.equal(second[key], first[key])
        assert torch.equal(second[key], tensor)
        alone = second[key].untyped_storage().nbytes()  # else it would be copied into a network
        assert alone == second[key].nbytes


def as_blob(path: Path) -> Path:
    """Put a file into a cache as huggingface_hub does: a link to a blob named by its sha256."""
    blob = path.with_name(file_sha256(path))
    path.replace(blob)
    link = path.with_name("link.safetensors")
    link.symlink_to(blob.name)
    settle()
    return link


@pytest.mark.parametrize("kind", ["plain", "blob", "other link"])
def test_read_tensors_only_a_blob_is_mapped(
    load: Load, path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "blob":
        path = as_blob(path)
    elif kind == "other link":
        path.with_name("b").symlink_to(path.name)
        path = path.with_name("b")
    view_tensors = Mock(wraps=safetensors_format.view_tensors)
    monkeypatch.setattr(safetensors_reader, "view_tensors", view_tensors)
    load(path)
    assert not view_tensors.called
    state = load(path)
    assert view_tensors.called == (kind == "blob")
    assert all(torch.equal(state[key], tensor) for key, tensor in STATE.items())


@pytest.mark.parametrize("cut", [False, True])
def test_read_tensors_later_change_leaves_loaded_tensors(load: Load, path: Path, cut: bool) -> None:
    """A mapped tensor would turn to zeros, or end the process by SIGBUS."""
    load(path)
    state = load(path)
    assert load.hashed == 1
    with path.open("rb+") as file:
        if cut:
            file.truncate(10)
        else:
            file.write(bytes(path.stat().st_size))
    assert all(torch.equal(state[key], tensor) for key, tensor in STATE.items())


def test_read_tensors_change_while_reading_is_rehashed(
    load: Load, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(path)
    read = safetensors_reader.read_open_file

    def changing(*args: Any) -> dict[str, Tensor]:
        state = read(*args)
        if len(load.sums) == 2:
            put(path, STATE | {"a": torch.zeros(3, 4)})
        return state

    monkeypatch.setattr(safetensors_reader, "read_open_file", changing)
    assert not load(path)["a"].any()
    assert load.sums[2] == file_sha256(path) != load.sums[1]


def test_read_tensors_mutated_tensor_leaves_file_unchanged(load: Load, path: Path) -> None:
    before = path.read_bytes()
    load(path)
    load(path)["a"].zero_()
    assert path.read_bytes() == before
    assert torch.equal(load(path)["a"], STATE["a"])
    assert load.hashed == 1


def test_read_tensors_misaligned_tensors_are_copied(load: Load, tmp_path: Path) -> None:
    """safetensors writes none, but reads them."""
    header = (
        b'{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
        b'"f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}'
    )
    data = len(header).to_bytes(8, "little") + header + b"\x05" + torch.ones(2).numpy().tobytes()
    path = tmp_path / "askew"
    path.write_bytes(data)
    settle()
    load(path)
    assert {key: value.tolist() for key, value in load(path).items()} == {"b": [5], "f": [1, 1]}
    assert load.hashed == 1


def rewritten(path: Path) -> None:
    """Of the same size, at the same time."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def grown(path: Path) -> None:
    put(path, STATE | {"more": torch.ones(3)})


def touched(path: Path) -> None:
    os.utime(path)


@pytest.mark.parametrize("change", [rewritten, replaced, grown, touched])
def test_read_tensors_changed_file_is_rehashed(
    load: Load, path: Path, change: Callable[[Path], None]
) -> None:
    load(path)
    change(path)
    settle()
    load(path)
    assert load.hashed == 2
    assert load.sums[1] == file_sha256(path)


def test_hash_cache_recently_written_file_is_not_stored(
    load: Load, path: Path, cache: Path
) -> None:
    """The next change could have the same time."""
    touched(path)
    load(path)
    assert not cache.exists()


def test_hash_cache_file_changed_while_loading_is_not_stored(
    load: Load, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_finite
    replace_everywhere(
        monkeypatch,
        "zoo.checkpoints.safetensors_format.check_finite",
        lambda *args: (touched(path), check(*args)),
    )
    load(path)
    assert not cache.exists()


def test_hash_cache_invalid_file_is_not_stored(load: Load, tmp_path: Path, cache: Path) -> None:
    put(tmp_path / "nan", {"a": torch.tensor([torch.nan])})
    with pytest.raises(WeightsError, match="NaN"):
        load(tmp_path / "nan")
    assert not cache.exists()


def test_read_tensors_rejected_hash_is_rejected_again(load: Load, path: Path) -> None:
    def refuse(sha256: str) -> None:
        raise WeightsError(f"refused {sha256}")

    load(path)
    with pytest.raises(WeightsError, match=f"refused {file_sha256(path)}"):
        read_tensors("it", path, refuse)


def test_hash_cache_small_files_are_always_hashed(
    load: Load, path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hash_cache, "MIN_SIZE", path.stat().st_size + 1)
    load(path)
    load(path)
    assert (load.hashed, cache.exists()) == (2, False)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"sha256": "b"}}'])
def test_hash_cache_malformed_file_is_replaced(
    load: Load, path: Path, cache: Path, text: str
) -> None:
    cache.parent.mkdir()
    cache.write_text(text)
    load(path)
    load(path)
    assert load.hashed == 1
    assert list(json.loads(cache.read_text())) == [str(path)]


def test_hash_cache_disabled_always_hashes(
    load: Load, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_CHECKED", "")
    load(path)
    load(path)
    assert load.hashed == 2


def test_verify_ignores_hash_cache(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_cache, "SETTLE_TIME", 0)
    for hashed, run in (
        (1, zoo.create),
        (1, zoo.create),
        (2, lambda name, pretrained: list(verify([name]))),
        (2, zoo.create),
    ):
        run("resnet20.zoo_digits", pretrained=True)
        assert load.hashed == hashed


def test_hash_cache_unwritable_folder_still_loads(load: Load, path: Path, cache: Path) -> None:
    cache.parent.write_text("a file")
    load(path)
    load(path)
    assert load.hashed == 2


def test_hash_cache_drops_deleted_files(load: Load, path: Path, cache: Path) -> None:
    put(path.with_name("b"), STATE)
    load(path.with_name("b"))
    path.with_name("b").unlink()
    load(path)
    assert list(json.loads(cache.read_text())) == [str(path)]


def test_assign_state_mapped_tensors_are_trainable_without_copy(load: Load, tmp_path: Path) -> None:
    """Its parameters are those of the file, its own to change, and not copied."""
    file = tmp_path / "r.safetensors"
    put(file, build_model("resnet20").state_dict())
    file = as_blob(file)
    load(file)
    model = build_model("resnet20")
    state = load(file)
    places = {tensor.data_ptr() for tensor in state.values()}
    assign_state(model, state)
    assert {p.data_ptr() for p in model.parameters()} < places
    before = model(torch.ones(1, 3, 32, 32)).sum()
    before.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.sub_(0.1 * parameter.grad)
    assert model(torch.ones(1, 3, 32, 32)).sum() != before
    assert not torch.equal(load(file)["conv1.weight"], state["conv1.weight"])
    assert load.hashed == 1
