"""Whatever bytes they are given, the readers read them or raise their one error, and soon."""

import json
import random
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.papers.test_loading import HEAD
from zoo.checkpoints import safetensors_format
from zoo.evaluation.memory import PeakMemory
from zoo.papers.loading import load_paper
from zoo.papers.toml import PaperError
from zoo.papers.weights import MODELS_DIR, WeightsError

SMALL = {"a": torch.arange(6.0).view(2, 3), "b.c": torch.ones(2).half(), "n": torch.tensor(7)}
SEEDS = (
    safetensors.torch.save(SMALL, {"zoo": "{}"}),
    safetensors.torch.save({"e": torch.empty(0, 3), "t": torch.tensor([True]).expand(8).clone()}),
    safetensors.torch.save({"8": torch.ones(4).to(torch.float8_e4m3fn)}),
)
HEADERS = tuple(json.loads(seed[8 : 8 + int.from_bytes(seed[:8], "little")]) for seed in SEEDS)
FILES = ("preresnet", "gpt2", "srresnet", "wrn")
TEXTS = tuple((MODELS_DIR / name / "paper.toml").read_text(encoding="utf-8") for name in FILES)
NAUGHTY = (0, 1, -1, 2**31, 2**60, 2**63, 2**64, 10**400, 1.5, True, None, "", "F32", "\n", [], {})
NAUGHTY += ([0, 0], [0, 2**60], {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "\u2028")
LITERALS = (
    "1 -1 1.5 true nan -inf 1e999999 1e99999999999999999999 0xffffffffffffffffffff 9" + "9" * 99
)
LITERALS += ' "" "x" [] [1] ["a"] {} {a=1} [[[]]] 1979-05-27 07:32:00 """a\n""" \'\' "\\u2028"'


def packed(header: bytes, body: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + body


def read_tensors(data: bytes) -> None:
    """Reads bytes, or they are refused; what is read is what safetensors reads."""
    found, error = {}, ""
    try:
        found = safetensors_format.parse("x", data)
    except WeightsError as refusal:
        error = str(refusal)
    assert error.isprintable(), error
    assert len(error) < 500
    wanted = {} if error else safetensors.torch.load(data)
    assert found.keys() == wanted.keys()
    for key, value in found.items():
        assert (value.dtype, value.shape) == (wanted[key].dtype, wanted[key].shape)
        assert torch.equal(bits(value), bits(wanted[key]))


def bits(value: torch.Tensor) -> torch.Tensor:
    return value.reshape(-1).view(torch.uint8)


def read_paper(path: Path, data: bytes) -> None:
    """Reads a paper.toml, or it is refused by its name."""
    path.write_bytes(data)
    name = error = f"{path.parent.name}/paper.toml"
    try:
        load_paper(path)
    except PaperError as refusal:
        error = str(refusal)
    assert error.startswith(name)
    assert len(error) < 2000


# The default run


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("family") / "paper.toml"


values = st.recursive(
    st.one_of(st.sampled_from(NAUGHTY), st.integers(), st.text(max_size=8), st.floats()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
described = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from((*safetensors_format.TYPES, "F4", "f32")) | values,
        "shape": st.lists(st.integers(0, 4), max_size=3) | values,
        "data_offsets": st.tuples(st.integers(0, 64), st.integers(0, 64)) | values,
    }
)
headers = st.dictionaries(st.text(max_size=8), described | values, max_size=4) | values


@settings(max_examples=250, deadline=1000)
@given(header=headers, body=st.binary(max_size=64))
def test_parse_any_safetensors_header_parses_or_raises(header: Any, body: bytes) -> None:
    read_tensors(packed(json.dumps(header).encode(), body))


@settings(max_examples=150, deadline=1000)
@given(data=st.binary(max_size=64) | st.binary(max_size=64).map(lambda text: packed(text, b"")))
def test_parse_any_bytes_parses_or_raises(data: bytes) -> None:
    read_tensors(data)


@settings(max_examples=100, deadline=1000)
@given(
    shape=st.lists(st.integers(0, 4), max_size=4),
    name=st.sampled_from(list(safetensors_format.TYPES)),
)
def test_parse_valid_file_matches_safetensors(shape: list[int], name: str) -> None:
    state = {"a": torch.ones(shape).to(safetensors_format.TYPES[name])}
    found = safetensors_format.parse("x", safetensors.torch.save(state))["a"]
    assert torch.equal(bits(found), bits(state["a"]))


literals = st.sampled_from(LITERALS.split(" ")) | st.text(max_size=12).map(json.dumps)


@settings(max_examples=200, deadline=1000)
@given(data=st.data())
def test_load_paper_any_value_loads_or_raises(paper: Path, data: st.DataObject) -> None:
    """A line of a real one gets another value, goes, or comes twice."""
    lines = data.draw(st.sampled_from(TEXTS)).split("\n")[:120]
    at = data.draw(st.integers(0, len(lines) - 1))
    key = lines[at].partition("=")[0]
    value = data.draw(literals)
    lines[at : at + 1] = data.draw(
        st.sampled_from([[f"{key}= {value}"], [], lines[at : at + 1] * 2])
    )
    read_paper(paper, "\n".join(lines).encode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("paper = 3", "paper: expected `table`"),
        ("claims = 3", "claims: expected"),
        ("claims = [1]", "claims: expected"),
        ("[claims]\nkind = 1", "claims: expected"),
        ("protocols = [1]", "protocols: expected"),
        ("[protocols]\na = 1", "protocols: expected"),
        ("[crops]\na = 1", "crops: expected"),
        (HEAD + "[crops.plain]\nresize = 3", ":14: resize: expected `array`"),
        (HEAD + "[sliding_window.plain]\ncontext = 'x'", ":14: context: expected `int`"),
        (HEAD + "[super_resolution.plain]\nforward_chop = 3", ":14: forward_chop: expected"),
        ("[[weights]]\nshards = {a = 1}", ":2: shards: expected `str`"),
        ("[[weights]]\nbenchmarks = [1]", ":2: benchmarks: expected `str`"),
        ("[[weights]]\nseed = true", ":2: seed: expected `int`"),
        ("[[claims]]\nvalue = true", ":2: value: expected `number`"),
        ("[[claims]]\nvalue = nan", "is not a number"),
        ("[[claims]]\nvalue = 1e999999", "too large"),
        ("[[claims]]\nvalue = 1e99999999999999999999", "too large"),
        ("[[claims]]\nvalue = " + "9" * 5000, "too large"),
        ("[[claims]]\nvalue = 0x" + "f" * 5000, "too large"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("[paper]\nargs" + ".a" * 3000 + " = 1", "nested too deeply"),
        ("a = '\udcff'", "not UTF-8 at byte 5"),
    ],
)
def test_load_paper_fuzzed_regression_raises_short_error(paper: Path, text: str, says: str) -> None:
    paper.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PaperError) as raised:
        load_paper(paper)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 300


def test_load_paper_unicode_separator_ends_no_line(paper: Path) -> None:
    """U+2028 in a text ends no line of TOML."""
    text = TEXTS[0].replace('title = "', 'title = "\u2028', 1)
    paper.write_text(text, encoding="utf-8")
    assert load_paper(paper).title == "\u2028" + tomllib.loads(TEXTS[0])["paper"]["title"]
    paper.write_text(HEAD.replace("as is", "as\u2028is") + "[[claims]]\nkind = 1\n", "utf-8")
    with pytest.raises(PaperError, match=r"paper\.toml:14: kind: expected `str`"):
        load_paper(paper)


# The slow run: `python -m tests.test_fuzz COUNT FOLDER` mutates the seeds COUNT times each


def flipped(data: bytes, draw: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        found[draw.randrange(len(found))] = draw.choice((draw.randrange(256), *b'{}[]":,09\0\xff'))
    return bytes(found)


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))] + bytes(draw.randint(0, 1) * draw.randint(0, 9))


def spliced(data: bytes, draw: random.Random) -> bytes:
    start, length = draw.randrange(len(data)), draw.randint(1, 24)
    at = draw.randrange(len(data))
    return data[:at] + data[start : start + length] + data[at + draw.choice((0, length)) :]


def edited(value: Any, draw: random.Random) -> Any:
    """JSON with something in it replaced."""
    if not isinstance(value, dict | list) or not value or draw.random() < 0.2:
        return draw.choice((*NAUGHTY, draw.randrange(64)))
    if isinstance(value, list):
        at = draw.randrange(len(value))
        return [*value[:at], edited(value[at], draw), *value[at + 1 :]]
    key = draw.choice(list(value))
    renamed = draw.choice((key, key, key, "shape", "\x00", "../../x", "__metadata__"))
    return {k: v for k, v in value.items() if k != key} | {renamed: edited(value[key], draw)}


def other_header(data: bytes, draw: random.Random) -> bytes:
    which = SEEDS.index(data)
    body = data[8 + int.from_bytes(data[:8], "little") :]
    return packed(json.dumps(edited(HEADERS[which], draw)).encode(), body)


def other_line(data: bytes, draw: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    value = draw.choice(LITERALS.split(" ")).encode()
    lines[at] = lines[at].partition(b"=")[0] + b"= " + value
    lines[draw.randrange(len(lines))] = draw.choice(lines)
    return b"\n".join(lines)


BYTES = (flipped, cut, spliced)
Mutation = Callable[[bytes, random.Random], bytes]


def mutated(
    seeds: tuple[bytes, ...], kinds: tuple[Mutation, ...], count: int, seed: int
) -> Iterator[bytes]:
    draw = random.Random(seed)
    for _ in range(count):
        yield draw.choice(kinds)(draw.choice(seeds), draw)


def papers() -> tuple[bytes, ...]:
    """Short ones: a head, and a few of the tables of a paper."""
    starts = [text[: text.index("\n[[")] for text in TEXTS]
    tables = [text.split("\n\n[[")[1:] for text in TEXTS]
    few = [
        "\n\n".join(f"[[{t}" for t in draw) for table in tables for draw in (table[:2], table[-2:])
    ]
    return tuple(f"{start}\n\n{some}\n".encode() for start in starts for some in few)


def main(count: int, folder: Path) -> None:
    """Prints how many inputs were read, the slowest in seconds and the growth in MB."""
    read_tensors(SEEDS[0])
    peak = PeakMemory(torch.device("cpu"))
    before, slowest, inputs = peak.bytes(), 0.0, 0
    readers: tuple[tuple[Callable[[bytes], None], Iterator[bytes]], ...] = (
        (read_tensors, mutated(SEEDS, (*BYTES, other_header, other_header), count, 0)),
        (
            lambda data: read_paper(folder / "paper.toml", data),
            mutated(papers(), (*BYTES, other_line), count, 1),
        ),
    )
    for reader, files in readers:
        for data in files:
            start = time.process_time()
            try:
                reader(data)
            except BaseException:
                print(f"{data!r}", file=sys.stderr)
                raise
            slowest = max(slowest, time.process_time() - start)
            inputs += 1
    print(inputs, slowest, (peak.bytes() - before) / 2**20)


@pytest.mark.slow
def test_readers_twenty_thousand_mutations_stay_fast(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.test_fuzz", "10000", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    inputs, slowest, megabytes = map(float, done.stdout.split())
    assert inputs == 20_000
    assert slowest < 1
    assert megabytes < 500


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
