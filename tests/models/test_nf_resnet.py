"""NF-ResNets and NF-RegNets: both forms against timm's, and wrong variants that differ."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import integrate
from timm.models.nfnet import NfCfg, NormFreeNet
from torch import nn

from tests.golden.fill import images
from tests.models.test_all_parity import SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.nf_resnet.blocks import ALPHA, GAMMAS, Block
from zoo.modules.weight_standardization import ScaledStdConv2d

PIXELS = 64
LEAST = 1e-5  # beta is 0.98 in the second block of a stage
RESNET: dict[str, Any] = {
    "depths": (2, 2, 2, 2),
    "channels": (64, 128, 256, 512),
    "stem_type": "7x7_pool",
    "stem_chs": 16,
    "bottle_ratio": 0.25,
    "act_layer": "relu",
}
REGNET: dict[str, Any] = {
    "depths": (1, 2, 1, 1),
    "channels": (48, 56, 64, 88),
    "group_size": 8,
    "width_factor": 0.75,
    "bottle_ratio": 2.25,
    "num_features": 1280 * 88 // 440,
    "reg": True,
    "attn_layer": "se",
    "attn_kwargs": {"rd_ratio": 0.5},
}
AUTHORS = {"gamma_in_act": True, "skipinit": True}


def resnet(**args: Any) -> Any:
    return ours("nf_resnet26", base_width=16, **args)


def regnet(**args: Any) -> Any:
    return ours("nf_regnet_b0", stage_blocks=(1, 2, 1, 1), widths=(48, 56, 64, 88), **args)


def timm_error(model: Any, **cfg: Any) -> float:
    """Return the error of our network against timm's with the same weights."""
    other = NormFreeNet(NfCfg(**cfg)).double().eval()
    other.load_state_dict(model.state_dict())
    return relative_error(logits(model, PIXELS), logits(other, PIXELS))


def blocks(model: nn.Module) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, Block)]


def pool_shortcuts(model: Any) -> None:
    """timm's shortcuts in the authors' form."""
    for block in blocks(model):
        if block.stride > 1:
            block.downsample.conv.stride = (1, 1)
            block.downsample = nn.Sequential(nn.AvgPool2d(2), block.downsample)


def keep_beta(model: Any) -> None:
    """Variance 1 in front of every block."""
    for block in blocks(model):
        block.beta = 1.0


def never_reset(model: Any) -> None:
    """The expected variance grows over all stages."""
    for i, block in enumerate(blocks(model)):
        block.beta = (1 + i * ALPHA**2) ** -0.5


def divide_first(model: Any) -> None:
    """f(x / std), as the formula says: another function, but for ReLU."""
    for block in blocks(model):
        act = block.act1
        block.act1 = nn.Sequential()
        block.act1.forward = lambda x, act=act, beta=block.beta: act(x * beta) / beta


def halve_attention(model: Any) -> None:
    """The gate of SE is not doubled."""
    for block in blocks(model):
        block.attn.forward = lambda x, attn=block.attn: x * attn.gate(x) / 2


def plain_convolutions(model: Any) -> None:
    for conv in model.modules():
        if isinstance(conv, ScaledStdConv2d):
            conv.standardised = lambda conv=conv: conv.weight


def stride_shortcuts(model: Any) -> None:
    """The authors' shortcuts in timm's form."""
    for block in blocks(model):
        if block.stride > 1:
            block.downsample.pool = nn.Identity()
            block.downsample.conv.stride = (2, 2)


def test_timm_form_equals_timm() -> None:
    assert timm_error(resnet(), **RESNET) <= SAME
    assert timm_error(regnet(), **REGNET) <= SAME


WRONG_RESNETS = [keep_beta, never_reset, plain_convolutions, stride_shortcuts]
WRONG_REGNETS = [keep_beta, never_reset, divide_first, halve_attention, plain_convolutions]


@pytest.mark.parametrize(
    ("make", "cfg", "change"),
    [(resnet, RESNET, change) for change in WRONG_RESNETS]
    + [(regnet, REGNET, change) for change in WRONG_REGNETS],
)
def test_wrong_variant_differs_from_timm(
    make: Callable[[], Any], cfg: dict[str, Any], change: Callable[[Any], None]
) -> None:
    model = make()
    change(model)
    assert timm_error(model, **cfg) > LEAST


def test_dividing_before_relu_is_the_same() -> None:
    """beta act(x) = act(beta x) for a homogeneous activation."""
    model = resnet()
    divide_first(model)
    assert timm_error(model, **RESNET) <= SAME


def test_authors_form_equals_timm_with_authors_options() -> None:
    model = resnet(form="authors")
    pool_shortcuts(model)
    state = {
        key.replace("downsample.1.", "downsample."): v for key, v in model.state_dict().items()
    }
    other = NormFreeNet(NfCfg(**RESNET, **AUTHORS)).double().eval()
    other.load_state_dict(state)
    assert relative_error(logits(model, PIXELS), logits(other, PIXELS)) <= SAME
    assert relative_error(logits(resnet(form="authors"), PIXELS), logits(other, PIXELS)) > WRONG
    squeezed = {"attn_kwargs": {"rd_ratio": 0.5, "rd_divisor": 1}, "ch_div": 1}
    assert timm_error(regnet(form="authors"), **{**REGNET, **AUTHORS, **squeezed}) <= SAME


@pytest.mark.parametrize("form", ["timm", "authors"])
def test_new_network_is_identity_within_stages(form: str) -> None:
    model: Any = build_model("nf_resnet26", base_width=16, form=form).eval()
    x = torch.randn(1, 64, 4, 4)
    assert torch.equal(model.get_submodule("stages.0.1")(x), x)


def test_gammas_are_one_over_deviation_of_activation() -> None:
    """Within what the authors' sampling missed; exactly, ReLU's is sqrt(2 / (1 - 1 / pi))."""
    activations = {"relu": torch.relu, "silu": nn.functional.silu}
    for name, activation in activations.items():

        def moment(power: int, act: Any = activation) -> float:
            def integrand(x: float) -> float:
                value = act(torch.tensor(x, dtype=torch.float64)).item() ** power
                return value * torch.tensor(-x * x / 2).double().exp().item()

            return integrate.quad(integrand, -9, 9)[0] / (2 * torch.pi) ** 0.5

        exact = (moment(2) - moment(1) ** 2) ** -0.5
        assert GAMMAS[name] == pytest.approx(exact, rel=1e-3)
        if name == "relu":
            assert exact == pytest.approx((2 / (1 - 1 / torch.pi)) ** 0.5, rel=1e-6)


def test_scaled_weights_have_mean_zero_and_variance_over_fan_in() -> None:
    torch.manual_seed(0)
    conv = ScaledStdConv2d(6, 4, 3, groups=2, gamma=1.5).double()
    weights = conv.standardised().flatten(1)
    assert weights.mean(1).abs().max() < 1e-12
    expected = torch.full((4,), 1.5**2 / 27, dtype=torch.float64)
    torch.testing.assert_close(weights.var(1, correction=0), expected, rtol=2e-3, atol=0)


def test_output_of_a_sample_does_not_depend_on_its_batch() -> None:
    model = resnet().train()
    x = images(PIXELS, 3)
    torch.testing.assert_close(model(x)[:1], model(x[:1]))


def test_unknown_form_raises() -> None:
    with pytest.raises(ValueError, match="form must be one of timm, authors, not 'x'"):
        build_model("nf_resnet26", form="x")
