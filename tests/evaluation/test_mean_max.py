"""Mean-max pooling of DPN, and crops larger than those of the training."""

from copy import deepcopy
from typing import Any, cast

import timm.layers
import torch
from torch import nn

import zoo
from zoo.claims.matching import is_applicable, specs_for
from zoo.evaluation.evaluators.mean_max import MeanMaxPooling
from zoo.models._registry import list_weights
from zoo.papers.protocols import CropProtocol, SlidingWindowProtocol, to_record


def network() -> nn.Module:
    torch.manual_seed(0)
    model = zoo.create("dpn68", num_classes=5).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return model


@torch.inference_mode()
def test_mean_max_equals_timms_test_time_pooling() -> None:
    """320 pixels: 16 places of 7x7."""
    model, x = network(), torch.randn(2, 3, 320, 320)
    expected = cast(Any, timm.layers.TestTimePoolHead)(deepcopy(model), original_pool=7)(x)
    torch.testing.assert_close(MeanMaxPooling(model, 224)(x), expected)


@torch.inference_mode()
def test_mean_max_at_training_size_is_the_network() -> None:
    model, x = network(), torch.randn(1, 3, 224, 224)
    torch.testing.assert_close(MeanMaxPooling(model, 224)(x), model(x))


def test_claim_at_larger_crop_takes_weights_of_training_size() -> None:
    claims = {c.protocol: c for c in zoo.list_claims("dpn107", kind="measured")}
    (weights, *_) = list_weights("dpn107")
    for end, pooling in {"320": "average", "320-mean-max": "mean-max"}.items():
        claim = claims.get(f"imagenet-{end}") or claims[f"imagenet-5k-{end}"]
        assert is_applicable(weights, claim)
        (spec, *_) = specs_for(claim, [weights])
        assert isinstance(spec.protocol, CropProtocol)
        crops = (spec.protocol.resize, spec.protocol.crop_size, spec.protocol.pooling)
        assert crops == ((320,), 320, pooling)


def test_to_record_keeps_older_records_valid() -> None:
    old = {"shorter": (256,), "pixels": 224, "crops": "ten", "interpolation": "bilinear"}
    assert to_record(CropProtocol(resize=(256,), crop_size=224, crops="ten")) == old
    assert to_record(SlidingWindowProtocol(context=8)) == {"context": 8, "stride": 0}
    larger = CropProtocol(resize=(320,), crop_size=320, trained_at=224)
    assert to_record(larger)["trained_at"] == 224
