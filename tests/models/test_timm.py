"""The bridge: after `import zoo.timm`, timm's own functions work on the zoo's names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.models import save_for_hf

import zoo
from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_classifier_contract import ENTRIES
from zoo.models._registry import get_entry
from zoo.models._timm import names

MAKERS = (timm.create_model, zoo.create)


def test_timm_registry_takes_only_free_names() -> None:
    before = {n for n in timm.list_models() if timm.model_entrypoint(n).__module__[:5] == "timm."}
    assert before & set(ENTRIES) >= {"resnet50", "wide_resnet50_2"}
    assert set(names) == set(ENTRIES) - before
    assert set(timm.list_models()) == before | set(ENTRIES)
    assert set(timm.list_models("wrn*")) == {name for name in ENTRIES if name.startswith("wrn")}


def test_timm_create_model_taken_name_stays_timm() -> None:
    with torch.device("meta"):
        assert type(timm.create_model("resnet50")).__module__ == "timm.models.resnet"
        assert type(timm.create_model("wrn28_10")).__module__ == "zoo.models.wrn.model"


def test_timm_create_model_pretrained_loads_zoo_weights() -> None:
    bundled = [w for paper in zoo.list_papers() for w in paper.weights if w.bundled]
    pretrained = [w.name for w in bundled if get_entry(w.model).is_classifier]
    assert set(pretrained) <= set(timm.list_models(pretrained=True))
    for name in pretrained:
        actual, expected = (make(name, pretrained=True).state_dict() for make in MAKERS)
        assert [torch.equal(actual[key], expected[key]) for key in expected] == [True] * len(actual)


@pytest.mark.parametrize(
    "args",
    [
        {"num_classes": 3},
        {"num_classes": 0, "global_pool": ""},
        {"features_only": True, "out_indices": (1, 3)},
        {"in_chans": 1, "num_classes": 10},
        {"depth": 26, "drop_rate": 0.3},
    ],
)
def test_timm_create_model_args_match_zoo_create(args: dict[str, Any]) -> None:
    with torch.device("meta"):
        actual, expected = (make("preresnet20", **args) for make in MAKERS)
    shapes = [{k: v.shape for k, v in model.state_dict().items()} for model in (actual, expected)]
    assert shapes[0] == shapes[1]
    assert (actual.feature_info is not None) == (expected.feature_info is not None)


def test_timm_create_model_local_dir_round_trips(tmp_path: Path) -> None:
    """timm's save_for_hf -> local-dir: -> the same network with the same weights."""
    model = zoo.create("wrn16_1", num_classes=7, drop_rate=0.3).eval()
    fill(layers_of(model))
    save_for_hf(model.float(), tmp_path, safe_serialization=True)
    back = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    assert torch.equal(back(images(32).float()), model(images(32).float()))
    assert (back.num_classes, back.pretrained_cfg["architecture"]) == (7, "wrn16_1")


def test_timm_create_transform_matches_zoo_transform() -> None:
    """timm's own transform of a digit, from the configuration that the bridge gives it."""
    model = timm.create_model("resnet20.zoo_digits", pretrained=True)
    config = timm.data.resolve_model_data_config(model)
    assert config["input_size"] == (3, 32, 32)
    digit = Image.fromarray(np.random.RandomState(0).randint(0, 256, (8, 8), np.uint8)).convert(
        "RGB"
    )
    torch.testing.assert_close(
        timm.data.create_transform(**config)(digit), zoo.transform(model)(digit)
    )
