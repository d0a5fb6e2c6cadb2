"""Signal propagation plots (2101.08692): what the paper's Figures 1 and 2 show, as numbers."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.models._builder import build_model
from zoo.models.nf_resnet.blocks import ALPHA
from zoo.modules.signals import Signal, signal_propagation
from zoo.modules.weight_standardization import ScaledStdConv2d

DEPTHS = (2, 2, 2, 2)


def noise() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 3, 128, 128, generator=generator)


def normalizer_free(**args: Any) -> Any:
    """An NF-ResNet of the authors' form whose branches are not silent at the start."""
    torch.manual_seed(0)
    model: Any = build_model("nf_resnet26", form="authors", base_width=32, **args).eval()
    for block in model.modules():
        if hasattr(block, "skipinit_gain"):
            block.skipinit_gain.data.fill_(1)
    return model


def by_stage(signals: list[Signal]) -> list[list[Signal]]:
    rest = iter(signals)
    return [[next(rest) for _ in range(depth)] for depth in DEPTHS]


def test_nf_resnet_variance_grows_by_alpha_squared_and_is_reset() -> None:
    """Sec. 4: Var(x) is 1 + alpha^2 after the first block of a stage, and grows by alpha^2."""
    signals = signal_propagation(normalizer_free(), noise())
    assert [s.block for s in signals] == [f"stages.{i}.{j}" for i in range(4) for j in range(2)]
    for first, second in by_stage(signals)[1:]:
        assert first.variance == pytest.approx(1 + ALPHA**2, rel=0.15)
        assert second.variance - first.variance == pytest.approx(ALPHA**2, rel=0.3)
        assert max(first.squared_mean, second.squared_mean) < 0.1
        assert [s.branch_variance for s in (first, second)] == pytest.approx([1, 1], abs=0.3)


def test_nf_resnet_without_standardisation_shifts_means() -> None:
    """Fig. 2: with He's initial weights alone the squared means grow past the variance."""
    model = normalizer_free()
    for conv in model.modules():
        if isinstance(conv, ScaledStdConv2d):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
            conv.standardised = lambda conv=conv: conv.weight
    shifted, kept = (signal_propagation(m, noise())[-1] for m in (model, normalizer_free()))
    assert shifted.squared_mean > 0.5 > 5 * kept.squared_mean


def test_batch_norm_variance_grows_with_the_branches() -> None:
    """Fig. 1: with BatchNorm, Var(x) grows by the branch's variance and is reset between stages."""
    torch.manual_seed(0)
    model = build_model("preresnet20").train()
    signals = signal_propagation(model, noise()[..., :32, :32])
    for stage in (signals[:3], signals[3:6], signals[6:]):
        for before, after in pairwise(stage):
            growth = after.variance - before.variance
            assert growth == pytest.approx(after.branch_variance, rel=0.25)


def test_signal_propagation_of_network_without_blocks_raises() -> None:
    with pytest.raises(ValueError, match="has no residual blocks"):
        signal_propagation(nn.Conv2d(3, 4, 3), noise())


def test_signal_propagation_leaves_no_hooks_and_counts_as_defined() -> None:
    model = normalizer_free()
    block = model.get_submodule("stages.1.0")
    with torch.no_grad():
        outputs: list[Tensor] = []
        hook = block.register_forward_hook(lambda *args: outputs.append(args[2]))
        signals = signal_propagation(model, noise())
        hook.remove()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    y = outputs[0].transpose(0, 1).flatten(1)
    assert signals[2].variance == pytest.approx(y.var(1, correction=0).mean().item(), rel=1e-4)
    assert signals[2].squared_mean == pytest.approx(y.mean(1).square().mean().item(), rel=1e-4)
