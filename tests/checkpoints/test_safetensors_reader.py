"""A file of tensors is read once, hashed as it is read, and blamed for its sum first."""

import hashlib
import json
import math
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

import zoo
from tests.support.patching import replace_everywhere
from tests.support.processes import start
from zoo.checkpoints import safetensors_format, safetensors_reader
from zoo.checkpoints.loading import assign_state, load_pretrained
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.models._builder import build_model, build_uninitialised, key_mappings_of
from zoo.models._registry import get_entry
from zoo.papers.weights import Weights, WeightsError

KINDS = [dtype for dtype in safetensors_format.TYPES.values() if not dtype.is_complex]


def several() -> dict[str, Tensor]:
    """One of every type, one without elements, one of a single number."""
    drawn = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (3, 5), generator=drawn)
    return {
        **{str(dtype): bits.to(torch.float32).to(dtype) for dtype in KINDS},
        "none": torch.empty(0, 3),
        "single": torch.tensor(1.5),
        "large": torch.rand(70_001, generator=drawn),
    }


@pytest.mark.parametrize("batch", [1, 100_000, safetensors_reader.BATCH])
def test_read_tensors_every_dtype_round_trips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(safetensors_reader, "BATCH", batch)
    path, data = tmp_path / "a.safetensors", save(several())
    path.write_bytes(data)
    sums: list[str] = []
    state = safetensors_reader.read_tensors("it", path, sums.append)
    assert sums == [hashlib.sha256(data).hexdigest()]
    assert list(state) == list(safetensors_format.parse("it", data))
    for key, value in several().items():
        assert state[key].dtype is value.dtype
        assert state[key].shape == value.shape
        same = (tensor.flatten().view(torch.uint8) for tensor in (state[key], value))
        assert torch.equal(*same)


def faulty() -> dict[str, bytes]:
    whole = save({"a": torch.ones(4), "b": torch.ones(4)})
    return {
        "cut off": whole[:-1],
        "1 bytes follow the last tensor": whole + b"0",
        "NaN or Inf": save({"a": torch.tensor([1.0, math.nan])}),
        "cut off within its header": whole[:20],
        "it has 3 bytes": b"abc",
        "zip archive": b"PK" + bytes(99),
        "more than 16777216": (1 << 40).to_bytes(8, "little") + b"{" + bytes(99),
    }


@pytest.mark.parametrize("says", faulty())
def test_read_tensors_broken_file_raises_after_hash(tmp_path: Path, says: str) -> None:
    path, data = tmp_path / "a.safetensors", faulty()[says]
    path.write_bytes(data)
    sums: list[str] = []
    with pytest.raises(WeightsError, match=f"^it: .*{says}"):
        safetensors_reader.read_tensors("it", path, sums.append)
    assert sums == [hashlib.sha256(data).hexdigest()]

    def refuse(sha256: str) -> None:
        raise WeightsError(f"refused {sha256}")

    with pytest.raises(WeightsError, match=r"^refused"):
        safetensors_reader.read_tensors("it", path, refuse)


@pytest.mark.parametrize(("change", "says"), [(-4, "was cut off in 'a'"), (4, "grew while")])
def test_read_tensors_changing_file_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: int, says: str
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"a": torch.ones(4)}))
    size, check_header = path.stat().st_size, safetensors_format.check_header

    def checked(name: str, head: bytes, total: int) -> list[safetensors_format.TensorInfo]:
        os.truncate(path, size + change)
        return check_header(name, head, total)

    replace_everywhere(monkeypatch, "zoo.checkpoints.safetensors_format.check_header", checked)
    with pytest.raises(WeightsError, match=says):
        safetensors_reader.read_tensors("it", path, lambda sha256: None)


def pinned(path: Path, **args: object) -> Weights:
    return Weights(
        name="resnet20.made",
        file=str(path),
        sha256=file_sha256(path),
        origin="here",
        license="mit",
        relation="retrained",
        benchmarks=(),
        preprocessing={},
        args=args,
    )


def test_create_pretrained_skips_random_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "resnet20.safetensors"
    save_safetensors(build_model("resnet20").state_dict(), path, {"model": "resnet20"})
    before = torch.random.get_rng_state()
    model = zoo.create(str(path))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(parameter.requires_grad for parameter in model.parameters())
    replace_everywhere(
        monkeypatch, "zoo.models._registry.default_weights", lambda name: pinned(path)
    )
    torch.manual_seed(0)
    again = zoo.create("resnet20", pretrained=True, num_classes=7)
    assert again.state_dict()["fc.weight"].shape == (7, 64)
    assert 0 < float(again.state_dict()["fc.weight"].detach().std()) < 1  # drawn, not left over
    assert torch.equal(again.state_dict()["conv1.weight"], model.state_dict()["conv1.weight"])


def test_load_pretrained_unresized_classifier_must_match(tmp_path: Path) -> None:
    """Or it would be left as the memory was."""
    path = tmp_path / "resnet20.safetensors"
    save_safetensors(build_model("resnet20", num_classes=7).state_dict(), path, {})
    entry = get_entry("resnet20")
    model, like = build_uninitialised(entry, None, {}, resized=False)
    with pytest.raises(WeightsError, match=r"another shape for fc\.bias"):
        load_pretrained(model, pinned(path), like=like)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(4, dtype=torch.bfloat16), requires_grad=False)
        self.b = nn.Parameter(torch.zeros(4))


def test_assign_state_keeps_dtype_and_own_memory() -> None:
    whole = torch.arange(8.0)
    once = torch.ones(4)
    for state in ({"a": whole[:4], "b": whole[4:]}, {"a": once, "b": once}):
        model, expected = Two(), {key: value.clone() for key, value in state.items()}
        assign_state(model, dict(state))
        assert model.a.dtype is torch.bfloat16
        assert not model.a.requires_grad
        assert torch.equal(model.b, expected["b"])
        model.b.data.zero_()
        assert torch.equal(model.a.float(), expected["a"])
        assert model.b.untyped_storage().nbytes() == 16
    model.double()
    assign_state(model, {"a": once, "b": once})
    assert model.a.dtype is model.b.dtype is torch.float64


PEAK = """
import sys, torch
from pathlib import Path
from eval.loading_speed import load_weights, make_weights
from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.evaluation.memory import PeakMemory
build_model("resnet20")
_, name, path, keys, dtype = sys.argv
weights = make_weights(name, Path(path), keys)
peak = PeakMemory(torch.device("cpu"))
before = peak.bytes()
model = load_weights(get_entry(name), weights, dtype=getattr(torch, dtype))
print(peak.bytes() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "keys", "dtype"),
    [
        ("gpt2", "the zoo", "float32"),
        ("gpt2", "the zoo", "float16"),
        ("pythia_160m", "EleutherAI/pythia", "float32"),
    ],
)
def test_load_pretrained_makes_no_second_copy(
    name: str, keys: str, dtype: str, tmp_path: Path
) -> None:
    """1.1 times the file in memory, of half a gigabyte in float32; also where heads have to be
    taken apart."""
    path, entry = tmp_path / "drawn.safetensors", get_entry(name)
    shapes = build_model(name, device="meta").state_dict()
    kind = getattr(torch, dtype)
    state = {key: torch.ones(value.shape, dtype=kind) for key, value in shapes.items()}
    mapping = next(s for s in key_mappings_of(entry) if s.name == keys and s.supports(name))
    save_safetensors(mapping.from_zoo(state), path, {})
    script = tmp_path / "peak.py"
    script.write_text(PEAK)
    start(str(script), name, str(path), keys, dtype, output=tmp_path / "printed").join()
    peak = json.loads((tmp_path / "printed.out").read_text())
    assert 0.9 < peak / path.stat().st_size < 1.1
