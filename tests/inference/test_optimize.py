"""zoo.optimize: the same function, and what was done to it."""

import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from tests.golden.fill import fill, layers_of
from tests.support.models import make_model
from zoo.inference import optimize
from zoo.inference.optimize import eager, fold_batchnorm, timing
from zoo.inference.optimize import linear as products
from zoo.inference.optimize.linear import OneDNNLinear
from zoo.inference.optimize.winograd import WinogradConv2d
from zoo.models._builder import build_model
from zoo.models.gpt2.model import GPT2
from zoo.models.muddformer.model import MUDDFormer


def off(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).detach().abs().max() / expected.detach().abs().max())


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(512),
        torch.randn(2, 3, 512),
        torch.randn(0, 512),
        torch.randn(512, 5).t(),
        torch.randn(3, 1024)[:, ::2],
    ],
    ids=lambda x: f"{tuple(x.shape)}-{x.stride()}",
)
@pytest.mark.parametrize("bias", [True, False])
def test_onednn_linear_matches_linear_layer(x: Tensor, bias: bool) -> None:
    linear = nn.Linear(512, 256, bias=bias)
    layer = OneDNNLinear(linear.weight, linear.bias)
    assert layer.state_dict().keys() == linear.state_dict().keys()
    assert layer.weight is linear.weight
    with torch.inference_mode():
        assert torch.allclose(layer(x), linear(x), atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(256, 256),
        nn.Linear(512, 256, dtype=torch.bfloat16),
        nn.Linear(512, 256, device="meta"),
        nn.modules.linear.NonDynamicallyQuantizableLinear(512, 256),
        nn.Bilinear(512, 256, 2),
    ],
    ids=str,
)
def test_linear_fits_rejects_other_layers(layer: nn.Module) -> None:
    assert not products.fits(layer)
    assert products.fits(nn.Linear(512, 256))


@pytest.mark.parametrize("tied", [True, False])
def test_by_onednn_decoder_matches_and_can_be_undone(tied: bool) -> None:
    """With its head, tied or not; and it can be taken back."""
    torch.manual_seed(0)
    sizes: Any = {"layers": 2, "width": 384, "heads": 4, "vocab": 600}
    network: Any = GPT2(**sizes) if tied else MUDDFormer(**sizes, hidden=512)
    ids, before = torch.randint(600, (2, 9)), network.eval().state_dict()
    with torch.inference_mode():
        expected = network(ids)
        step = eager.by_onednn(network)
        assert step
        actual = network(ids)
        replaced = [
            name for name, module in network.named_modules() if isinstance(module, OneDNNLinear)
        ]
        assert step[0] == f"linear layers by oneDNN ({len(replaced)})"
        assert "output" in replaced
        assert len(replaced) > 8
        assert off(actual, expected) < 1e-5
        step[1]()
        assert torch.equal(network(ids), expected)
    assert network.state_dict().keys() == before.keys()
    assert not any(isinstance(module, OneDNNLinear) for module in network.modules())


@pytest.mark.parametrize(
    ("name", "args", "folded"),
    [
        ("resnet20", {}, 19),
        ("wrn16_4", {}, 7),  # those that follow a convolution; the others follow sums
        ("res2net50_26w_4s", {"slice_width": 8}, 85),
        ("preresnet20", {}, 10),
        ("edsr_tiny_x2", {}, 0),
        ("gpt2_nano", {}, 0),
    ],
)
def test_optimize_every_kind_matches_original_output(
    name: str, args: dict[str, Any], folded: int
) -> None:
    network = make_model(name, **args).float()
    example = optimize.example_of(network)[:2]
    example = example[..., :64, :64] if example.dim() == 4 else example
    with torch.inference_mode():
        expected = network(example)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    model: Any = zoo.optimize(network, example, backend="eager")
    assert model.optimized.backend == "eager"
    with torch.inference_mode():
        actual = model(example)
        assert torch.equal(network(example), expected)
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)
    assert off(actual, expected) < 1e-5
    assert model.optimized.max_rel_error == off(actual, expected)
    assert (f"{folded} BatchNorms folded" in model.optimized.steps) == (folded > 0)
    assert "x as fast" in str(model.optimized)


@pytest.mark.parametrize(("widest", "replaced"), [(256, 9), (128, 6), (0, 0)])
def test_optimize_combined_steps_match_original_output(
    widest: int, replaced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folded, channels last and by Winograd, where a clock says that it is faster."""

    def seconds(run: Any, x: Tensor) -> float:
        return float(run.weight.shape[1] > widest) if isinstance(run, WinogradConv2d) else 0.5

    monkeypatch.setattr(eager, "time_run", seconds)
    network = make_model("wrn16_4").float()
    x = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        expected = network(x)
        assert eager.fold_norms(network, x[:1]) == 7
        assert eager.lay_out(network)
        step = eager.by_winograd(network, x)
        assert (step or [None])[0] == (
            f"{replaced} 3x3 convolutions by Winograd" if replaced else None
        )
        assert off(network(x), expected) < 1e-5


def test_prepare_slower_step_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_model("wrn16_4").float()
    x = torch.randn(2, 3, 32, 32)
    eager.fold_norms(network, x)
    before, expected = dict(network.state_dict()), network(x)
    seconds = iter((1.0, 2.0, 2.0, 2.0))
    monkeypatch.setattr(eager, "by_winograd", lambda model, example: None)
    monkeypatch.setattr(eager, "time_run", lambda *a: next(seconds))
    assert eager.prepare(network, x) == []
    assert before.keys() == network.state_dict().keys()
    assert network.conv1.weight.is_contiguous()
    assert torch.equal(network(x), expected)


class Odd(nn.Module):
    """Convolutions whose BatchNorm cannot be folded: seen by others, called twice, of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.twice, self.own = (nn.Conv2d(4, 4, 1) for _ in range(3))
        self.norm1, self.norm2, self.fit = (nn.BatchNorm2d(4) for _ in range(3))
        self.norm3 = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.seen(x)
        x = self.norm1(x) + x
        x = self.norm2(self.twice(self.twice(x)))
        return self.norm3(self.own(x))


def test_fold_batchnorm_shared_output_is_not_folded() -> None:
    network, x = Odd(), torch.randn(2, 4, 5, 5)
    fill(layer for layer in layers_of(network) if layer is not network.norm3)
    network.float().eval()
    assert fold_batchnorm.fold(network, x) == 0
    network.norm3 = network.fit
    expected = network(x)
    assert fold_batchnorm.fold(network, x) == 1
    assert off(network(x), expected) < 1e-6


def test_optimize_bfloat16_accepts_float32_input() -> None:
    network = make_model("resnet20").float()
    x = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        expected = network(x)
        model: Any = zoo.optimize(network, x, dtype=torch.bfloat16, backend="eager")
        actual = model(x)
    assert actual.dtype == torch.bfloat16
    assert "bfloat16" in model.optimized.steps
    assert 0 < model.optimized.max_rel_error < 0.1
    assert off(actual.float(), expected) == model.optimized.max_rel_error


def test_optimize_bad_example_raises() -> None:
    with pytest.raises(ValueError, match="does not take the example"):
        zoo.optimize(build_model("resnet20"), example=torch.zeros(1, 4, 32, 32))
    with pytest.raises(ValueError, match="give an `example`"):
        zoo.optimize(nn.Conv2d(3, 3, 1))


def test_time_run_slow_network_takes_fewer_rounds() -> None:
    """The preparation of a slow network is mostly its own runs."""
    calls: list[Tensor] = []

    def call(x: Tensor) -> None:
        time.sleep(seconds)
        calls.append(x)

    for seconds, rounds in ((0.4, 2), (0.9, 1)):
        calls.clear()
        assert timing.time_run(call, torch.zeros(1)) >= seconds
        assert len(calls) == rounds
