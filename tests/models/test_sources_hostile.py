"""A config.json that anyone may have written ends in one sentence."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.papers.weights import WeightsError

ARGS: list[Any] = [[1], 1, "x", [None], {"x": {}}, {"num_classes": True}, {"padding": []}]
CFGS: list[dict[str, Any]] = [
    *({"mean": value} for value in ([math.inf], [math.nan] * 3, ["a"], [[1]], [], 5, [None])),
    *({"std": value} for value in ([0.0], [-1.0], [math.inf])),
    *({"input_size": value} for value in ([1], [3, 0, 32], [3, 32, 10**9], [True] * 3, "x")),
    *({"crop_pct": value} for value in (math.nan, -1, 0, True, 10**400, "x")),
    *({"interpolation": "x"}, {"interpolation": 5}, {"crop_mode": "x"}),
]


def create(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps({"architecture": "resnet20", **config}))
    zoo.create(f"local-dir:{folder}", pretrained=False)


@pytest.mark.parametrize("args", ARGS)
@pytest.mark.parametrize("place", ["model_args", "args"])
def test_create_config_with_bad_arguments_raises(place: str, args: Any, tmp_path: Path) -> None:
    config = {"zoo": {"args": args}} if place == "args" else {place: args}
    with pytest.raises(WeightsError, match=f"local-dir:{tmp_path}: "):
        create(tmp_path, config)


@pytest.mark.parametrize("cfg", CFGS)
def test_create_config_with_bad_preprocessing_raises(cfg: dict[str, Any], tmp_path: Path) -> None:
    (key,) = cfg
    with pytest.raises(WeightsError, match=f"{key} of its pretrained_cfg is .*, not "):
        create(tmp_path, {"pretrained_cfg": cfg})


def test_create_config_deeply_nested_raises(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 200_000)
    with pytest.raises(WeightsError, match=r"config\.json is no JSON object"):
        zoo.create(f"local-dir:{tmp_path}")


def test_create_old_prefix_is_the_hub() -> None:
    with pytest.raises(WeightsError, match="a repository is called org/name, not 'x'"):
        zoo.create("hf_hub:x")
