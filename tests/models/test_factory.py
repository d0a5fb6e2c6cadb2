"""The public functions: create, list_models, describe, papers, claims, transform, register."""

import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image

import zoo
from tests.support.models import bundled_weights
from zoo.checkpoints.loading import load_pretrained
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.models._builder import build_model, load_class
from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import UnknownNameError, _entries, get_entry, model_entries
from zoo.papers.weights import MODELS_DIR, Weights, WeightsError

TASK = "image-classification"


def test_zoo_all_names_are_importable() -> None:
    assert {name for name in zoo.__all__ if callable(getattr(zoo, name))} == set(zoo.__all__)
    assert set(zoo.__all__) <= set(dir(zoo))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        zoo.nothing_like_it  # noqa: B018


def test_create_unknown_name_lists_three_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        zoo.create("wrn28-10")
    near = str(error.value).split("nearest are ")[1].split(", ")
    assert len(near) == 3
    assert near[0] == "wrn28_10"


def test_create_unknown_tag_lists_known_tags() -> None:
    with pytest.raises(UnknownNameError, match=r"resnet20\.zoo_digits"):
        zoo.create("resnet20.nobody")


def test_create_unknown_argument_lists_nearest() -> None:
    with pytest.raises(ValueError, match="nearest are shortcut"):
        zoo.create("resnet20", shortcuts="B")


def test_create_model_without_weights_lists_alternatives() -> None:
    with pytest.raises(LookupError, match=r"wrn28_12 has no weights; .*wrn"):
        zoo.create("wrn28_12", pretrained=True)
    with pytest.raises(LookupError, match="no weights; nor has another for density-estimation"):
        zoo.create("residual_flow_toy2d", pretrained=True)


@pytest.fixture
def _registry_as_before() -> Iterator[None]:
    before = model_entries()
    yield
    _entries.clear()
    _entries.update(before)


@pytest.mark.usefixtures("_registry_as_before")
def test_register_models_name_clash_raises() -> None:
    taken = get_entry("resnet20")
    with pytest.raises(ValueError, match=r"'resnet20' is zoo\.models\.resnet"):
        zoo.register("somewhere:Else", {"resnet20": {}}, CIFAR_CFG, task=TASK)
    with pytest.raises(ValueError, match="'resnet20'"):
        zoo.register(taken.target, {"resnet20": {"depth": 26}}, CIFAR_CFG, task=TASK)
    again = {"resnet20": {"depth": 20}}
    zoo.register(taken.target, again, CIFAR_CFG, task=TASK)  # the same: a reload
    assert get_entry("resnet20") == taken


@pytest.mark.usefixtures("_registry_as_before")
def test_register_models_external_class_can_be_created() -> None:
    target = load_class("zoo.models.resnet.model:CifarResNet")
    zoo.register(target, {"resnet26_mine": {"depth": 26}}, CIFAR_CFG, task=TASK)
    model = zoo.create("resnet26_mine", num_classes=5)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 5)
    assert "resnet26_mine" in zoo.list_models("*_mine")


def test_register_models_without_task_raises() -> None:
    with pytest.raises(TypeError, match="task"):
        cast(Any, zoo.register)("somewhere:Else", {"resnet26_mine": {}}, CIFAR_CFG)


def test_list_models_filters_select_matching_names() -> None:
    assert "wrn28_10" in zoo.list_models("wrn*")
    assert set(zoo.list_models(paper="1605.07146")) == set(zoo.list_models(paper="wrn"))
    assert not set(zoo.list_models(paper="wrn")) & set(zoo.list_models(paper="resnet"))
    assert "resnet20.zoo_digits" in zoo.list_models(pretrained=True)
    assert zoo.list_models("resnet20", pretrained=True)[0] == "resnet20.akamaster_cifar10"
    assert zoo.list_models(task="juggling") == []
    tasks = ("language-modeling", "sentence-classification", "translation")
    assert [name for task in tasks for name in zoo.list_models("deepnorm_*nano", task=task)] == [
        "deepnorm_nano", "deepnorm_deep_nano", "deepnorm_encoder_nano", "deepnorm_translation_nano"
    ]  # fmt: skip
    assert "resnet20" in zoo.list_models(dataset="cifar10")
    assert "resnet50_v1" in zoo.list_models(dataset="imagenet")
    assert "resnet50_v1" not in zoo.list_models(dataset="cifar10")


def test_describe_known_name_has_paper_counts_and_claims() -> None:
    description = zoo.describe("wrn28_10")
    assert description.paper
    assert description.paper.arxiv.startswith("1605.07146")
    assert (description.params, description.macs) == (36_479_194, 5_243_328_768)
    assert any(str(claim.value) == "4.00" for claim in description.claims)
    assert zoo.describe("resnet50").deviations


def test_list_papers_and_list_claims_match_paper_files() -> None:
    families = [paper.id for paper in zoo.list_papers()]
    assert families == sorted(path.parent.name for path in MODELS_DIR.glob("*/paper.toml"))
    every = zoo.list_claims()
    assert len(every) == sum(len(paper.claims) for paper in zoo.list_papers())
    picked = zoo.list_claims("wrn28_10", kind="measured", benchmark="cifar10/*")
    assert picked
    assert {(c.model, c.kind, c.benchmark) for c in picked} == {
        ("wrn28_10", "measured", "cifar10/test")
    }


def test_make_transform_uses_preprocessing_of_pretrained_cfg() -> None:
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    prepare = zoo.transform(model)
    grey = prepare(Image.new("L", (8, 8), 255))
    assert grey.shape == (3, 32, 32)
    assert torch.equal(grey, torch.ones(3, 32, 32))  # (1 - 0.5) / 0.5
    with pytest.raises(ValueError, match="no pretrained_cfg"):
        zoo.transform(torch.nn.Linear(1, 1))


def test_create_pretrained_is_in_eval_mode() -> None:
    assert not zoo.create("resnet20.zoo_digits", pretrained=True).training
    assert zoo.create("resnet20").training


def test_create_pretrained_other_head_and_channels_adapts() -> None:
    whole = zoo.create("resnet20.zoo_digits", pretrained=True)
    head = zoo.create("resnet20.zoo_digits", pretrained=True, num_classes=3)
    assert torch.equal(head.layer3[2].conv2.weight, whole.layer3[2].conv2.weight)
    assert head.fc.weight.shape == (3, 64)
    grey = zoo.create("resnet20.zoo_digits", pretrained=True, in_chans=1)
    image = torch.rand(2, 1, 32, 32, dtype=torch.float64)
    rgb = whole.double()(image.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey.double()(image), rgb)  # the sum of the three filters


def test_create_features_only_matches_intermediates() -> None:
    whole = zoo.create("resnet20.zoo_digits", pretrained=True)
    part = zoo.create(
        "resnet20.zoo_digits", pretrained=True, features_only=True, out_indices=(1, 2)
    )
    image = torch.rand(2, 3, 32, 32)
    _, features = whole.forward_intermediates(image)
    for actual, expected in zip(part(image), features[1:3], strict=True):
        assert torch.equal(actual, expected)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("resnet20.zoo_digits", {}),
        ("resnet20.zoo_digits", {"num_classes": 3}),
        ("resnet20.zoo_digits", {"features_only": True}),
        ("muddformer_nano", {}),
        ("rcan_tiny_x2", {}),
    ],
)
def test_create_dtype_equals_cast_model(name: str, overrides: dict[str, Any]) -> None:
    torch.manual_seed(0)
    whole = zoo.create(name, pretrained=True, **overrides)
    torch.manual_seed(0)
    half = zoo.create(name, pretrained=True, dtype=torch.bfloat16, **overrides)
    assert not half.training
    cast = copy.deepcopy(whole).bfloat16().state_dict()
    for key, value in half.state_dict().items():
        assert value.dtype is cast[key].dtype
        assert torch.equal(value, cast[key])
    assert any(value.dtype is torch.bfloat16 for value in cast.values())


def test_create_invalid_dtype_raises() -> None:
    for wrong in ("float16", torch.int8, 16):
        with pytest.raises(ValueError, match=f"dtype must be a floating-point .* not {wrong!r}"):
            zoo.create("resnet20", dtype=wrong)
    with pytest.raises(ValueError, match="takes no 'dtypes'; the nearest are dtype"):
        zoo.create("resnet20", dtypes=torch.float16)
    assert zoo.create("resnet20", dtype=torch.float64).fc.weight.dtype is torch.float64


@pytest.fixture
def pinned() -> Weights:
    """The default weights of resnet20."""
    return bundled_weights("resnet20")


def test_create_changed_checkpoint_byte_raises(
    pinned: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(pinned.path.read_bytes())
    data[-1] ^= 1
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(data)
    monkeypatch.setattr(Weights, "path", property(lambda self: broken))
    actual = hashlib.sha256(data).hexdigest()
    with pytest.raises(WeightsError, match=f"{actual}.*{pinned.sha256}"):
        zoo.create("resnet20.zoo_digits", pretrained=True)
    broken.unlink()
    with pytest.raises(WeightsError, match="no file"):
        zoo.create("resnet20.zoo_digits", pretrained=True)


def test_load_pretrained_other_model_names_missing_key(pinned: Weights) -> None:
    deeper = build_model("resnet32", device="meta")
    with pytest.raises(WeightsError, match=r"lacks layer1\.3\.bn1\.bias"):
        load_pretrained(build_model("resnet32"), pinned, like=deeper)


def test_save_same_state_twice_is_byte_identical(tmp_path: Path) -> None:
    state = zoo.create("wrn16_1").state_dict()
    sums = {
        save_safetensors(state, tmp_path / f"{i}.safetensors", {"a": "1", "b": "2"}) for i in "12"
    }
    assert sums == {file_sha256(tmp_path / "1.safetensors")}
    assert not list(tmp_path.glob("*.part"))
