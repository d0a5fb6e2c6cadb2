"""Files that are not what their names say: each is refused in one sentence, before it costs."""

import gzip
import io
import json
import pickle
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from zoo.checkpoints import safetensors_format
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file
from zoo.models._sources import load_file
from zoo.papers.weights import WeightsError

GOOD = safetensors.torch.save({"a": torch.arange(6.0).view(2, 3), "b": torch.ones(2)})
HEADER, BODY = json.loads(GOOD[8 : 8 + GOOD[0]]), GOOD[8 + GOOD[0] :]


def raw(header: bytes, body: bytes = b"") -> bytes:
    """A file with this header, whatever it is."""
    return len(header).to_bytes(8, "little") + header + body


def file(header: Any, body: bytes = b"") -> bytes:
    return raw(json.dumps(header).encode(), body)


def entry(shape: Any = (2,), offsets: Any = (0, 8), dtype: Any = "F32", key: str = "a") -> bytes:
    """A file with one tensor."""
    header = {key: {"dtype": dtype, "shape": shape, "data_offsets": offsets}}
    return file(header, bytes(8))


def saved(legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(2)}, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.pkl", pickle.dumps({}))
    return buffer.getvalue()


def with_entry(key: str, **changed: Any) -> bytes:
    """The good file with one tensor described otherwise."""
    return file(HEADER | {key: HEADER[key] | changed}, BODY)


TWICE = b'{"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}'
READS = "a pickle.*`zoo convert` reads it"
REFUSED = {
    "a pickle of protocol 0": (pickle.dumps({"a": 1}, protocol=0), READS),
    "a pickle of protocol 2": (pickle.dumps({"a": 1}, protocol=2), READS),
    "a pickle of protocol 5": (pickle.dumps({"a": 1}, protocol=5), READS),
    "torch.save": (saved(), f"a zip archive.*{READS}"),
    "torch.save of long ago": (saved(legacy=True), READS),
    "a zip archive": (zipped(), f"a zip archive.*{READS}"),
    "gzip": (gzip.compress(GOOD), "gzip data; unpack it first"),
    "nothing": (b"", "it has 0 bytes"),
    "seven bytes": (GOOD[:7], "it has 7 bytes"),
    "a header of 1 TB": ((1 << 40).to_bytes(8, "little") + b"{}", "a header of .* more than 16777"),
    "a header over 16 MB": (raw(b"{" * ((16 << 20) + 1)), "a header of 16777217 bytes, more than"),
    "cut off in the header": (GOOD[:50], "cut off within its header"),
    "cut off in the data": (GOOD[:-1], "cut off: "),
    "trailing data": (GOOD + b"\0", "1 bytes follow the last tensor"),
    "a zip after it": (GOOD + zipped(), "bytes follow the last tensor"),
    "no header": (raw(b""), "starts with b'' instead of {"),
    "a space first": (raw(b" {}"), "instead of {"),
    "a list": (raw(b"[]"), "instead of {"),
    "UTF-16": (raw("{}".encode("utf-16-le")), "no JSON"),
    "no UTF-8": (raw(b'{"\xff": 1}'), "not UTF-8 at byte 2"),
    "two objects": (raw(b"{}{}"), "no JSON"),
    "deep lists": (raw(b'{"a":' + b"[" * 200_000), "nested too deeply"),
    "deep tables": (raw(b'{"a":' * 100_000), "nested too deeply"),
    "many lists": (raw(b'{"a":[' + b"[]," * 5_000_000), "more than 3200000 values"),
    "a name twice": (raw(b'{"a": %b, "a": %b}' % (TWICE, TWICE), bytes(8)), "the key 'a' twice"),
    "a dtype twice": (
        raw(b'{"a": {"dtype": "F32", ' + TWICE[1:] + b"}", bytes(8)),
        "the key 'dtype' twice",
    ),
    "overlapping": (with_entry("b", data_offsets=[16, 24]), "'b' overlaps the tensor before it"),
    "aliasing": (file(HEADER | {"c": HEADER["b"]}, BODY), "overlaps"),
    "a hole": (file({"b": HEADER["b"]}, BODY), "'b' leaves a hole before it"),
    "backwards": (entry(offsets=[8, 0]), "does not have -8 bytes"),
    "a wrong size": (entry(shape=[3]), r"F32 \[3\], does not have 8 bytes"),
    "a negative size": (entry(shape=[-2]), "impossible shape"),
    "sizes whose product fits": (entry(shape=[-1, -2]), "impossible shape"),
    "an absurd size": (entry(shape=[0, 2**60], offsets=[0, 0]), "impossible shape"),
    "absurd sizes": (entry(shape=[0, 2**40, 2**40], offsets=[0, 0]), "impossible shape"),
    "sizes past 64 bits": (entry(shape=[2**32, 2**32]), "impossible shape"),
    "too many sizes": (entry(shape=[1] * 65), "impossible shape"),
    "digits": (raw(b'{"a":' + b"9" * 5000 + b"}"), "Exceeds the limit"),
    "a fraction": (entry(shape=[2.0]), "impossible shape"),
    "a truth": (entry(shape=[True, 2]), "impossible shape"),
    "a text as shape": (entry(shape="2"), "impossible shape"),
    "three offsets": (entry(offsets=[0, 8, 8]), "impossible offsets"),
    "an offset of minus 1": (entry(offsets=[-8, 0]), "impossible offsets"),
    "an unknown dtype": (entry(dtype="F4"), "unknown dtype 'F4'"),
    "a list as dtype": (entry(dtype=["F32"]), "unknown dtype"),
    "something more": (with_entry("b", note="x"), "not just dtype, shape and data_offsets"),
    "something less": (file({"a": {"dtype": "F32"}}), "not just dtype, shape and data_offsets"),
    "a number for a tensor": (file({"a": 1}), "not just dtype, shape and data_offsets"),
    "metadata of numbers": (file({"__metadata__": {"a": 1}}), "not a table of texts"),
    "metadata as a list": (file({"__metadata__": []}), "not a table of texts"),
    "a new line": (entry(key="a\nb"), r"'a\\nb' has characters that cannot be printed"),
    "an escape": (entry(key="\x1b[2J"), "cannot be printed"),
    "right to left": (entry(key="a\u202eb"), "cannot be printed"),
    "half a pair": (entry(key="\ud800"), "cannot be printed"),
    "a long name": (entry(key="x" * 10_000_000, shape=[3]), r"xxx\.\.\., F32"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_parse_malformed_file_raises_short_error(what: str) -> None:
    data, says = REFUSED[what]
    started = time.process_time()
    for whole in (bytes, bytearray, memoryview):
        with pytest.raises(WeightsError, match=f"^x.bin: .*{says}") as raised:
            safetensors_format.parse("x.bin", whole(data))
    assert time.process_time() - started < 3
    message = str(raised.value)
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize("what", REFUSED)
def test_check_header_malformed_file_raises_without_body(what: str) -> None:
    """Without the body, which is never looked at: as much as one asks a server for."""
    data, says = REFUSED[what]
    length = int.from_bytes(data[:8], "little")
    with pytest.raises(WeightsError, match=says):
        safetensors_format.check_header(
            "x", data[: 8 + min(length, safetensors_format.MAX_HEADER)], len(data)
        )


FLOATS = [d for d in safetensors_format.TYPES.values() if d.is_floating_point]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_parse_nan_or_inf_raises(dtype: torch.dtype, wrong: float) -> None:
    value = torch.ones(3, 500)
    fine = safetensors.torch.save({"a": value.to(dtype)})
    assert torch.equal(safetensors_format.parse("x", fine)["a"].float(), value)
    value[2, 77] = wrong
    if torch.isfinite(value.to(dtype).float()).all():
        pytest.skip(f"{dtype} has no {wrong}")
    bad = safetensors.torch.save({"good": torch.ones(2), "a.b": value.to(dtype)})
    with pytest.raises(WeightsError, match=r"^x: tensor 'a\.b' has NaN or Inf in it"):
        safetensors_format.parse("x", bad)


def test_parse_invalid_complex_or_bool_raises() -> None:
    bad = safetensors.torch.save({"a": torch.complex(torch.ones(2), torch.tensor([0, torch.nan]))})
    with pytest.raises(WeightsError, match="NaN or Inf"):
        safetensors_format.parse("x", bad)
    with pytest.raises(WeightsError, match="bytes but 0 and 1"):
        safetensors_format.parse("x", entry(dtype="BOOL", shape=[8])[:-1] + b"\x07")


@pytest.mark.parametrize("dtype", safetensors_format.TYPES.values())
def test_parse_every_dtype_matches_safetensors(dtype: torch.dtype) -> None:
    state = {"a": torch.arange(6).view(2, 3).to(dtype), "n": torch.tensor(1).to(dtype)}
    state["empty"] = torch.empty((0, 3), dtype=dtype)
    parsed = safetensors_format.parse("x", safetensors.torch.save(state, {"format": "pt"}))
    assert {k: (v.dtype, v.tolist(), v.shape) for k, v in parsed.items()} == {
        k: (v.dtype, v.tolist(), v.shape) for k, v in state.items()
    }
    parsed["a"].view(torch.uint8).zero_()  # it is one's own


COSTLY = """
import json, sys, time
import torch
from zoo.checkpoints import safetensors_format
from zoo.evaluation.memory import PeakMemory
one = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
for count, pad in ((270_000, ""), (199_000, 25 * "x")):
    header = json.dumps({f"{pad}{i}": one for i in range(count)}, separators=(",", ":")).encode()
    data = len(header).to_bytes(8, "little") + header
    peak = PeakMemory(torch.device("cpu"))
    before, start = peak.bytes(), time.process_time()
    try:
        print(len(safetensors_format.check_header("x", data, len(data))))
    except ValueError as error:
        print(error)
    print(time.process_time() - start)
    print((peak.bytes() - before) / 2**20)
"""


@pytest.mark.slow
def test_check_header_many_empty_tensors_is_cheap() -> None:
    """16 MB of them, refused or just allowed; safetensors takes seconds."""
    done = subprocess.run(
        [sys.executable, "-c", COSTLY], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    for says, output in (("more than 200000 tensors", lines[:3]), ("199000", lines[3:])):
        answer, seconds, megabytes = output
        assert says in answer
        assert float(seconds) < 3  # 0.7 on a quiet machine
        assert float(megabytes) < 500


@pytest.mark.parametrize("name", ["x.bin", "x.pt", "x.pth", "x.safetensors"])
def test_load_file_pickle_raises_and_convert_file_reads_it(name: str, tmp_path: Path) -> None:
    """By whatever name: where weights are loaded it is refused, and `zoo convert` reads it."""
    model = build_model("resnet20")
    torch.save(model.state_dict(), tmp_path / name)
    with pytest.raises(WeightsError, match=r"a zip archive.*`zoo convert` reads it"):
        load_file("resnet20", tmp_path / name)
    done = convert_file(tmp_path / name, tmp_path / "out.safetensors")
    again = load_file(done.model, done.path)
    assert torch.equal(again.fc.weight, model.fc.weight)


def test_convert_file_expanded_tensor_raises_without_memory(tmp_path: Path) -> None:
    """One number, stretched: refused before anything is made of it."""
    torch.save({"h.0.attn.c_attn.weight": torch.zeros(1).expand(1 << 40)}, tmp_path / "x.pth")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match="not stored as all of its numbers"):
        convert_file(tmp_path / "x.pth")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_convert_file_nan_raises_and_writes_nothing(tmp_path: Path) -> None:
    state = build_model("resnet20").state_dict()
    state["fc.bias"][3] = torch.nan
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"x\.pth: tensor 'fc\.bias' has NaN"):
        convert_file(tmp_path / "x.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]
