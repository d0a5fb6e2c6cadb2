"""Keyword spotting: parity with castorini/honk (golden numbers), front end, features, keys."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zoo
from tests.conftest import ROOT
from tests.golden.fill import images, sweep
from tests.support.models import make_model
from zoo.data.mfcc import MFCC
from zoo.data.speech_commands import split_of
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file
from zoo.models._factory import create
from zoo.models.kws_resnet.convert import KEY_MAPPINGS
from zoo.models.kws_resnet.model import Block, KeywordResNet
from zoo.papers.protocols import MfccProtocol

GOLDEN = json.loads((ROOT / "tests" / "golden" / "honk.json").read_text())
NAMES = [record["ours"] for record in GOLDEN["models"]]
SAME, WRONG = 1e-12, 1e-3


def heard() -> Tensor:
    return images(101, channels=1)[..., :40]


def error(model: nn.Module, expected: list[list[float]]) -> float:
    with torch.inference_mode():
        return float((model(heard()) - torch.tensor(expected, dtype=torch.float64)).abs().max())


@pytest.mark.parametrize("golden", GOLDEN["models"], ids=NAMES)
def test_forward_matches_honk_golden_logits(golden: dict[str, Any]) -> None:
    model = make_model(golden["ours"])
    assert sum(p.numel() for p in model.parameters()) == golden["params"]
    assert error(model, golden["logits"]) <= SAME


def after_the_norm(block: Any, x: Tensor) -> Tensor:
    """A block whose shortcut starts behind its first BatchNorm."""
    x = block.bn1(x)
    out: Tensor = block.act2(block.conv2(block.bn2(block.act1(block.conv1(x)))))
    return x + out


def relu_after_addition(block: Any, x: Tensor) -> Tensor:
    out: Tensor = block.conv2(block.bn2(block.act1(block.conv1(block.bn1(x)))))
    return torch.relu(x + out)


@pytest.mark.parametrize("wrong", [after_the_norm, relu_after_addition])
def test_forward_wrong_block_differs_from_golden_logits(
    wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = GOLDEN["models"][NAMES.index("kws_res8_narrow")]
    monkeypatch.setattr(Block, "forward", wrong)
    assert error(make_model("kws_res8_narrow"), golden["logits"]) > WRONG


@torch.inference_mode()
def test_forward_res15_receptive_field_is_125() -> None:
    """1 + 2 (1 + 3 (1 + 2 + 4 + 8) + 16): more than a second of frames, and all coefficients."""
    model = make_model("kws_res15_narrow")
    x = images(141, batch=1, channels=1)
    changed = x.clone()
    changed[..., 70, 70] += 1
    moved = (model.forward_features(x) != model.forward_features(changed))[0].any(0)
    for axis in (0, 1):
        seen = moved.any(axis).nonzero()
        assert (int(seen.min()), int(seen.max())) == (70 - 62, 70 + 62)


@pytest.mark.parametrize(
    ("name", "last", "both"),
    [("kws_res8", 3, (4, 3)), ("kws_res15", 1, (1, 1)), ("kws_res26", 2, (2, 2))],
)
def test_feature_info_reports_reduction_per_axis(
    name: str, last: int, both: tuple[int, int]
) -> None:
    body = create(name, features_only=True)
    first, *others = body.feature_info.get_dicts()
    assert first["reduction"] == 1
    assert {entry["reduction"] for entry in others} == {last}
    assert [entry.get("reductions", (last, last)) for entry in others] == [both] * len(others)
    shapes = {tuple(f.shape[2:]) for f in body(heard().float())[1:]}
    assert shapes == {(101 // both[0], 40 // both[1])}


def test_build_model_norms_have_no_affine_and_convs_no_bias() -> None:
    keys = set(dict(build_model("kws_res15").named_parameters()))
    assert {key for key in keys if not key.endswith("conv0.weight") and "conv" not in key} == {
        "fc.weight",
        "fc.bias",
    }
    assert not [key for key in keys if key.endswith("bias") and key != "fc.bias"]


def test_keyword_resnet_invalid_args_raises() -> None:
    with pytest.raises(ValueError, match="blocks must be 1 or more"):
        KeywordResNet(blocks=0)
    with pytest.raises(ValueError, match="pool must be 1 or more on each axis"):
        KeywordResNet(pool=(4, 0))


@pytest.mark.parametrize("name", NAMES)
def test_key_mapping_honk_round_trips_and_is_detected(name: str, tmp_path: Path) -> None:
    """There and back, and `zoo convert` tells by itself which of the six it is."""
    model = make_model(name)
    mapping = next(s for s in KEY_MAPPINGS if s.renames and s.supports(name))
    theirs = mapping.from_zoo(model.state_dict())
    layers = 2 * len(model.blocks) - ("res15" in name)
    assert {key.split(".")[0] for key in theirs} == {
        "output",
        *(f"conv{i}" for i in range(layers + 1)),
        *(f"bn{i}" for i in range(1, layers + 1)),
    }
    torch.save(theirs, tmp_path / "theirs.pt")
    actual = convert_file(tmp_path / "theirs.pt")
    assert (actual.model, actual.keys) == (name, mapping.name)
    back = mapping.to_zoo(theirs)
    assert all(torch.equal(back[key], value) for key, value in model.state_dict().items())


# The front end


def test_mfcc_matches_honk_coefficients() -> None:
    """Theirs end in float32."""
    actual = MFCC(MfccProtocol())(torch.from_numpy(sweep()))
    assert actual.shape == (1, 101, 40)
    expected = torch.tensor(GOLDEN["coefficients"], dtype=torch.float64)
    torch.testing.assert_close(actual[0, ::10], expected, rtol=1e-6, atol=1e-6)
    assert actual[0, ::10].abs().max() > 20


@pytest.mark.parametrize(
    "changed", [{"f_min": 0}, {"f_max": 8000}, {"window_ms": 25}, {"hop_ms": 11}]
)
def test_mfcc_other_settings_differ_from_reference(changed: dict[str, int]) -> None:
    actual = MFCC(MfccProtocol(**changed))(torch.from_numpy(sweep()))[0]
    expected = MFCC(MfccProtocol())(torch.from_numpy(sweep()))[0]
    n = min(len(actual), len(expected)) - 30
    assert float((actual[5:n] - expected[5:n]).abs().max()) > WRONG


def test_mfcc_float32_batch_matches_float64_single() -> None:
    hear = MFCC(MfccProtocol())
    sounds = torch.from_numpy(np.stack([sweep(), sweep()[::-1].copy()])).float()
    actual = hear(sounds)
    assert actual.shape == (2, 1, 101, 40)
    assert actual.dtype == torch.float32
    for one, sound in zip(actual, sounds, strict=True):
        torch.testing.assert_close(one, hear(sound.double()).float(), rtol=0, atol=1e-3)


def test_mfcc_silence_is_zero() -> None:
    assert not MFCC(MfccProtocol())(torch.zeros(16_000)).any()


def test_mfcc_tone_peaks_in_nearest_filter() -> None:
    """1 kHz falls into the filter whose middle is nearest on Slaney's scale."""
    hear = MFCC(MfccProtocol())
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000).double()
    logs = torch.linalg.solve(hear.dct, hear(tone)[0].T)
    bins = torch.linspace(0, 8000, 241, dtype=torch.float64)
    middle = (hear.mel @ bins) / hear.mel.sum(1)
    assert int(logs[:, 50].argmax()) == int((middle - 1000).abs().argmin())
    assert torch.allclose(hear.dct @ hear.dct.T, torch.eye(40, dtype=torch.float64), atol=1e-12)
    areas = hear.mel.sum(1) * 8000 / 240
    assert torch.allclose(areas, torch.ones(40, dtype=torch.float64), atol=0.3)


def test_transform_keyword_model_is_mfcc() -> None:
    hear = zoo.transform(create("kws_res8_narrow"))
    sound: Any = torch.from_numpy(sweep())
    assert torch.equal(hear(sound), MFCC(MfccProtocol())(sound))


@pytest.mark.parametrize("changed", [{"hop_ms": 0}, {"f_min": 4000}, {"n_mels": 0}])
def test_mfcc_protocol_invalid_fields_raise(changed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="f_min is less than f_max"):
        MfccProtocol(**changed)


def test_split_of_matches_honk_splits() -> None:
    assert set(GOLDEN["splits"].values()) == {"train", "validation", "test"}
    assert {name: split_of(name) for name in GOLDEN["splits"]} == GOLDEN["splits"]
