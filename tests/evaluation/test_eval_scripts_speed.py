"""eval/speed.py: the race, its rows and the table of docs/performance.md."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from eval import peers, speed, speed_tables


def test_race_gives_every_contestant_a_turn_a_round() -> None:
    runs: list[str] = []
    turns = {who: (lambda who=who: runs.append(who)) for who in "abc"}
    seconds = speed.race(turns, rounds=3, warm_up=2)
    assert {who: len(times) for who, times in seconds.items()} == dict.fromkeys("abc", 3)
    turns_of = [set(runs[i : i + 100]) for i in range(0, len(runs), 100)]  # a turn has 100 calls
    assert all(len(names) == 1 for names in turns_of)
    order = [name for (name,) in turns_of]
    assert [sorted(order[i : i + 3]) for i in range(0, 15, 3)] == [["a", "b", "c"]] * 5


def test_compare_times_is_against_fastest_peer() -> None:
    seconds = {"ours": [4.0, 2.0, 3.0], "timm": [5.0, 5.0, 5.0], "OpenVINO": [2.0, 2.0, 3.0]}
    rows = {row["who"]: row for row in speed.compare_times("resnet20", seconds)}
    assert {row["against"] for row in rows.values()} == {"OpenVINO"}
    assert [rows[who]["ratio"] for who in seconds] == [1.0, 0.4, 1.0]
    assert rows["ours"]["quartiles"] == [0.75, 1.0]
    assert speed.best_peer({"ours": 2.0, "ours, optimized": 1.0}) == "ours"


def test_compilers_table_is_of_last_record_in_times_of_eager() -> None:
    def record(slow: float) -> dict[str, Any]:
        seconds = {"ours": [4.0], "ours, optimized": [1.0], "timm": [slow]}
        seconds |= {"torch.compile": [3.0], "ONNX Runtime": [2.0], "OpenVINO": [1.0]}
        rows = speed.compare_times("resnet18", seconds)
        details = {"preparation": 12.3, "backend": "inductor"}
        return {
            "kind": "speed",
            "what": "images",
            "setting": {"inputs": {"resnet18": [8, 3, 224, 224]}},
            "rows": [row | details for row in rows],
        }

    line = speed_tables.compilers_table([record(9.0), record(6.0)]).splitlines()[2]
    assert line == (
        "| resnet18 | 8 x 224 | 6.00 (inductor) | 2.00 | 3.00 | 6.00 | 1.00 | 1.00 to 1.00 | 12 s |"
    )


def test_compilers_table_has_no_column_for_who_cannot() -> None:
    seconds = {"ours": [4.0], "ours, optimized": [1.0], "timm": [6.0], "OpenVINO": [2.0]}
    rows = speed.compare_times("resnet18", seconds)
    record = {
        "kind": "speed",
        "what": "images in bfloat16",
        "setting": {"inputs": {"resnet18": [8, 3, 224, 224]}},
        "rows": [row | {"preparation": 12.3, "backend": "openvino"} for row in rows],
    }
    assert len(speed_tables.compilers_table([record]).splitlines()) == 2  # none in float32
    title, _, line = speed_tables.compilers_table([record], record["what"]).splitlines()
    assert "| OpenVINO | to the best peer |" in title
    assert "ONNX Runtime" not in title
    assert line == "| resnet18 | 8 x 224 | 6.00 (openvino) | 3.00 | 2.00 | 2.00 to 2.00 | 12 s |"


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-4), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("name", peers.COMPILERS)
def test_compilers_return_outputs_of_network(name: str, dtype: torch.dtype, error: float) -> None:
    layers = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)
    network, x = nn.Sequential(*layers), torch.randn(2, 3, 8, 8)
    makers = peers.with_compilers("eager", lambda: copy.deepcopy(network), x, dtype)
    if name not in makers:
        assert (name, dtype) == ("ONNX Runtime", torch.bfloat16)
        return
    with torch.no_grad():
        expected = network.eval()(x)
        for who in ("eager", name):
            actual = torch.as_tensor(makers[who]()(x)).float()
            assert torch.allclose(actual, expected, atol=error * float(expected.abs().max()))
