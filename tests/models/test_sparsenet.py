"""SparseNet: what a layer reads, the counts of the authors' tables, pytorchcv, wrong variants.

The authors' Torch code is in test_all_parity.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorchcv.models import sparsenet
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, golden_error, logits
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.sparsenet.aggregation import SparseStage, exponential
from zoo.models.sparsenet.convert import KEY_MAPPINGS

AUTHORS, PYTORCHCV = KEY_MAPPINGS


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7, 8, 9, 100])
def test_exponential_reads_powers_of_two_before_next_layer(depth: int) -> None:
    expected = [depth - (1 << i) for i in range(10) if 1 << i <= depth]
    assert exponential(range(depth)) == expected


def test_ninth_layer_reads_outputs_of_1_2_4_and_8_layers_before() -> None:
    stage: Any = build_model("sparsenet40_k24", growth=(4, 4, 4)).get_submodule("stages.0").eval()
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    for block in stage.blocks:
        block.register_forward_pre_hook(lambda module, args: inputs.append(args[0].clone()))
        block.register_forward_hook(lambda module, args, output: outputs.append(output))
    x = images(8, channels=8).float()
    after = stage(x)
    assert torch.equal(inputs[0], x)
    assert torch.equal(inputs[3], torch.cat([outputs[2], outputs[1], x], 1))
    assert torch.equal(inputs[8], torch.cat([outputs[i] for i in (7, 6, 4, 0)], 1))
    assert torch.equal(after, torch.cat([outputs[i] for i in (11, 10, 8, 4)], 1))


@pytest.mark.parametrize(
    "name", ["sparsenet121", pytest.param("sparsenet161", marks=pytest.mark.slow)]
)
def test_logits_equal_pytorchcv(name: str) -> None:
    other = getattr(sparsenet, name)(in_size=(224, 224)).eval()
    other.features.final_pool = nn.AdaptiveAvgPool2d(1)  # for small images
    fill(layers_of(other))
    model = build_model(name, device="meta").double().eval()
    state = other.state_dict()
    model.load_state_dict(PYTORCHCV.to_zoo(state), assign=True)
    assert PYTORCHCV.from_zoo(model.state_dict()).keys() == state.keys()
    assert relative_error(logits(model, 64), logits(other, 64)) <= SAME


def test_authors_keys_are_read_both_ways() -> None:
    state = build_model("sparsenet_bc100_k24", device="meta").state_dict()
    theirs = AUTHORS.from_zoo(state)
    assert {
        "features.conv0.weight",
        "features.dense-stage-2.block-16.conv2.weight",
        "features.transition-1.bn1.running_var",
        "features.norm_last.bias",
        "classifier.linear.weight",
    } <= theirs.keys()
    assert AUTHORS.has_required_keys(theirs)
    assert AUTHORS.to_zoo(theirs).keys() == state.keys()


def test_shipped_code_starts_with_growth_rate() -> None:
    """The counts of the Torch code as it is: none of the README's."""
    counts = {"sparsenet40_k24": 735_676, "sparsenet_bc100_k32_64_128": 17_318_116}
    for name, expected in counts.items():
        model = build_model(name, device="meta", first=1)
        assert sum(p.numel() for p in model.parameters()) == expected


# Wrong in one place


def stages(model: nn.Module) -> list[SparseStage]:
    return [module for module in model.modules() if isinstance(module, SparseStage)]


def oldest_first(model: nn.Module) -> None:
    for stage in stages(model):
        stage.links = lambda outputs: exponential(outputs)[::-1]


def count_from_one_before(model: nn.Module) -> None:
    """The same number of outputs of the same widths, each one older where there is one."""
    for stage in stages(model):
        stage.links = lambda outputs: [
            outputs[max(len(outputs) - (1 << i) - 1, min(1, len(outputs) - (1 << i)))]
            for i in range(len(outputs).bit_length())
        ]


def pool_first(model: nn.Module) -> None:
    for stage in stages(model)[1:]:
        stage.transition = nn.Sequential(stage.transition.pool, *list(stage.transition)[:-1])


@pytest.mark.parametrize("key", ["sparsenet-sparse", "sparsenet-sparse_bc"])
@pytest.mark.parametrize("change", [oldest_first, count_from_one_before, pool_first])
def test_logits_of_wrong_variant_differ(key: str, change: Callable[[nn.Module], None]) -> None:
    assert golden_error(key, change) > WRONG / 10


# Arguments


def test_narrow_network_means_parts_of_map() -> None:
    model: Any = build_model("sparsenet121_k32", num_classes=5).double().eval()
    x = images(96, batch=1)
    features = model.forward_features(x)
    whole = model.act(model.bn(model.forward_intermediates(x)[1][-1]))
    assert whole.shape == (1, 160, 3, 3)
    torch.testing.assert_close(features, whole.reshape(1, -1, 1, 1))
    assert model.fc.weight.shape == (5, 1440)


@pytest.mark.parametrize(
    ("name", "args", "rule"),
    [
        ("sparsenet40_k24", {"depth": 41}, r"depth must be 3N \+ 4 .* not 41"),
        ("sparsenet_bc100_k24", {"depth": 97}, r"depth must be 6N \+ 4 .* not 97"),
        ("sparsenet40_k24", {"growth": (12,)}, "growth must be 3 rates"),
        ("sparsenet40_k24", {"links": "X"}, "links must be one of sparse, dense, not 'X'"),
        ("sparsenet121", {"depth": 122}, r"depth \(Table 1 of 1608.06993\) .* not 122"),
    ],
)
def test_build_model_invalid_args_raises(name: str, args: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        build_model(name, device="meta", **args)
