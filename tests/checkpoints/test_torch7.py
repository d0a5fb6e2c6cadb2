"""Files of Torch7: what is read of them, and that damaged ones are refused in a sentence."""

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.torch7 import Closure, Object, torch7_bytes
from zoo.checkpoints.reading import read_checkpoint
from zoo.papers.weights import WeightsError

WEIGHT = torch.arange(24.0).view(2, 3, 2, 2)
SHARED = torch.arange(10.0)  # as getParameters() leaves the weights of a network: one storage
NORM = {"weight": SHARED[:2], "bias": SHARED[2:4], "running_mean": SHARED[4:6], "eps": 1e-5}


def sequential(*modules: Any) -> Object:
    return Object("nn.Sequential", {"modules": {i + 1: m for i, m in enumerate(modules)}})


NETWORK = sequential(
    Object("cudnn.SpatialConvolution", {"weight": WEIGHT, "gradWeight": WEIGHT + 1, "groups": 1}),
    Object("nn.SpatialBatchNormalization", NORM | {"running_var": SHARED[6:8]}),
    sequential(Object("nn.ReLU", {"inplace": True, "output": torch.tensor([]), "nothing": None})),
    Object("nn.Linear", {"weight": torch.ones(3, 2).double().t(), "hook": Closure("\x1bLJ")}),
)
DATA = torch7_bytes(NETWORK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.t7"


def refused(path: Path, data: bytes, match: str) -> None:
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=match) as error:
        read_checkpoint(path)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_read_checkpoint_torch7_numbers_modules_from_0(path: Path) -> None:
    """Gradients, buffers and functions are left out; a transposed weight is as it was seen."""
    path.write_bytes(DATA)
    state, dropped = read_checkpoint(path)
    norm = ("1.weight", "1.bias", "1.running_mean", "1.running_var")
    assert state.keys() == {"0.weight", *norm, "3.weight"}
    assert not dropped
    assert torch.equal(state["0.weight"], WEIGHT)
    assert torch.equal(torch.cat([state[key] for key in norm]), SHARED[:8])
    assert state["3.weight"].shape == (2, 3)
    assert state["3.weight"].dtype == torch.float64


def test_read_checkpoint_torch7_table_has_networks_by_name(path: Path) -> None:
    path.write_bytes(torch7_bytes({"model": NETWORK, "epoch": 90, "best": True}))
    state, dropped = read_checkpoint(path)
    assert torch.equal(state["0.weight"], WEIGHT)
    assert dropped == {"epoch": "beside the tensors", "best": "beside the tensors"}


def test_read_checkpoint_torch7_old_statistics_become_variances(path: Path) -> None:
    """BatchNorm kept 1 / sqrt(variance + eps), and files had no versions."""
    variance = torch.tensor([0.5, 4.0])
    norm = Object(
        "nn.SpatialBatchNormalization", NORM | {"running_std": (variance + 1e-5).rsqrt()}, ()
    )
    path.write_bytes(torch7_bytes(sequential(norm)))
    torch.testing.assert_close(read_checkpoint(path)[0]["0.running_var"], variance)


def test_read_checkpoint_torch7_module_in_two_places_raises(path: Path) -> None:
    """Copies of copies would be more than any memory holds; a circle would not end."""
    layer = Object("nn.Linear", {"weight": WEIGHT})
    refused(path, torch7_bytes(sequential(layer, sequential(layer))), "in two places: [01]")
    circle = sequential(layer)
    circle.fields["modules"][2] = circle
    refused(path, torch7_bytes(circle), "one module of Torch7 in two places: 1")


def test_read_checkpoint_torch7_deep_or_other_roots_raise(path: Path) -> None:
    deep: Any = WEIGHT
    for _ in range(60):
        deep = sequential(deep)
    refused(path, torch7_bytes(deep), "more than 100 deep in one another")
    refused(path, torch7_bytes(WEIGHT), "holds no network of Torch7")
    refused(path, torch7_bytes({"a": 1}), "holds no tensors by name")
    odd = Object("torch.Unknown", {})
    refused(path, torch7_bytes(odd), "'torch.Unknown' is neither a tensor nor a storage")
    refused(path, torch7_bytes(Object("nn.Linear", 1)), "an object of 'nn.Linear' has no fields")


def replaced(old: bytes, new: bytes) -> bytes:
    assert old in DATA
    return DATA.replace(old, new, 1)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (DATA[:40], "damaged file of Torch7"),
        (DATA[:-1], "items of 1 bytes or more, .* bytes before its end"),
        (
            replaced(
                struct.pack("<q24f", 24, *range(24)), struct.pack("<q24f", 1 << 60, *[0] * 24)
            ),
            "1152921504606846976 items of 4 bytes or more",
        ),
        (replaced(struct.pack("<4q", 2, 3, 2, 2), struct.pack("<4q", 2, 3, 2, 3)), "its storage"),
        (replaced(struct.pack("<4q", 2, 3, 2, 2), struct.pack("<4q", -2, -3, 2, 2)), "its storage"),
        (replaced(struct.pack("<4q", 12, 4, 2, 1), struct.pack("<4q", 13, 4, 2, 1)), "its storage"),
        (
            replaced(
                struct.pack("<8q", 2, 3, 2, 2, 12, 4, 2, 1),
                struct.pack("<8q", 1 << 40, 3, 2, 2, 0, 0, 0, 0),
            ),
            "is not within its storage",
        ),
        (replaced(struct.pack("<i4q", 4, 2, 3, 2, 2), struct.pack("<i4q", 99, 2, 3, 2, 2)), "99"),
        (DATA[:8] + struct.pack("<i", -5) + DATA[12:], "-5 items of 1 bytes"),
        (DATA[:8] + struct.pack("<i", 2**31 - 1) + DATA[12:], "2147483647 items of 1 bytes"),
        (replaced(struct.pack("<ii", 5, 1), struct.pack("<ii", 55, 1)), "there is no type 55"),
    ],
)
def test_read_checkpoint_torch7_size_beyond_file_raises(
    data: bytes, match: str, path: Path
) -> None:
    refused(path, data, match)


@settings(max_examples=100, deadline=None)
@given(
    cut=st.integers(8, len(DATA)),
    flips=st.lists(
        st.tuples(st.integers(8, len(DATA) - 1), st.sampled_from((0, 1, 4, 127, 128, 255)))
    ),
)
def test_read_checkpoint_torch7_any_bytes_are_read_or_refused(
    cut: int, flips: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(DATA)
    for position, value in flips:
        data[position] = value
    path = tmp_path_factory.getbasetemp() / "any.t7"
    path.write_bytes(data[:cut])
    try:
        state, _ = read_checkpoint(path)
    except WeightsError as error:
        assert str(error).isprintable()  # noqa: PT017 (either end is fine)
    else:
        assert sum(value.numel() for value in state.values()) <= len(DATA)
