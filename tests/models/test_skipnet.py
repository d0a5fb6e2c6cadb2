"""SkipNet: its authors' outputs, decisions and gradients; what is skipped; the loss of Eq. 6."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests.golden.fill import drawn_by_name, images
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.resnet.model import CifarResNet
from zoo.models.skipnet import gates
from zoo.models.skipnet.blocks import Gated
from zoo.models.skipnet.convert import KEY_MAPPINGS, mapping
from zoo.models.skipnet.model import CifarSkipNet, SkipNet
from zoo.models.skipnet.policy import HybridLoss
from zoo.models.skipnet.skipping import base_macs, run_skipping

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/skipnet.json").read_text("utf-8"))
NETWORKS = GOLDEN["networks"]
X = images(GOLDEN["pixels"], len(GOLDEN["scales"])) * torch.tensor(
    GOLDEN["scales"], dtype=torch.float64
).reshape(-1, 1, 1, 1)
TARGET = torch.tensor(GOLDEN["target"])


def doubles(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def authors_state(network: nn.Module, names: Any, seed: int) -> dict[str, Tensor]:
    """The recorder's tensors by the authors' names: those of the last gate were drawn too."""
    theirs = names.from_zoo(network.state_dict())
    shapes = {k: tuple(v.shape) for k, v in theirs.items() if v.dim() and "_ds" not in k}
    *_, last = (name for name in shapes if "group3_gate" in name)
    number = int(last.removeprefix("group3_gate")[0])
    unused = {
        key.replace(f"gate{number}", f"gate{number + 1}"): shape
        for key, shape in shapes.items()
        if key.startswith(f"group3_gate{number}")
    }
    return drawn_by_name(shapes | unused, seed)


def golden(name: str) -> tuple[CifarSkipNet, Any]:
    kind, gating = name.split()
    args = NETWORKS[name]["args"]
    blocks = args["layers"]
    network = CifarSkipNet(depth=6 * blocks[0] + 2, gate=kind, gating=gating).double()
    names = mapping(*blocks, gate=kind.rstrip("12"), model="*")
    state = authors_state(network, names, NETWORKS[name]["seed"])
    assert names.has_required_keys(state)
    network.load_state_dict(names.to_zoo(state), strict=False)  # but for the batches counted
    return network.eval(), names


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_and_decisions_equal_authors_code(name: str) -> None:
    network, _ = golden(name)
    logits, _, decisions = network.forward_episode(X)
    expected = doubles(NETWORKS[name]["decisions"]).T
    assert 0.2 < expected.mean() < 0.8
    assert torch.equal(decisions.detach(), expected)
    assert relative_error(logits.detach(), doubles(NETWORKS[name]["logits"])) < 1e-12
    assert torch.equal(network(X), logits)


@pytest.mark.parametrize("name", NETWORKS)
def test_loss_and_gradients_in_training_equal_authors_code(name: str) -> None:
    network, names = golden(name)
    loss = F.cross_entropy(network.train()(X), TARGET)
    assert loss.item() == pytest.approx(NETWORKS[name]["loss"], rel=1e-12)
    loss.backward()
    sums = {k: p.grad.abs().sum() for k, p in network.named_parameters() if p.grad is not None}
    actual = names.from_zoo(sums)
    for key, expected in NETWORKS[name]["gradients"].items():
        assert actual[key].item() == pytest.approx(expected, rel=1e-9, abs=1e-13), key


# Wrong in one place


def forward_with(rule: Callable[[Any, Tensor, Tensor], Tensor]) -> Callable[[Any], None]:
    def change(network: nn.Module) -> None:
        for block in network.modules():
            if isinstance(block, Gated):
                block.forward = lambda x, g, block=block: rule(block, x, g[:, :, None, None])

    return change


def branch_alone(block: Any, x: Tensor, g: Tensor) -> Tensor:
    """The gate on the residual branch, the shortcut and ReLU always there."""
    return torch.relu(g * block.residual(x) + block.downsample(x))


def inverted(block: Any, x: Tensor, g: Tensor) -> Tensor:
    skip = block.downsample(x)
    return (1 - g) * block.execute(x, skip) + g * skip


def forgetful(network: Any) -> None:
    """An LSTM without memory: every gate by itself."""
    if hasattr(network, "control"):
        cell = network.control.cell
        cell.forward = lambda x, memory=None: gates.Cell.forward(cell, x)


@pytest.mark.parametrize("name", ["ff1 hard", "rnn hard"])
@pytest.mark.parametrize("change", [forward_with(branch_alone), forward_with(inverted)])
def test_logits_of_wrong_block_differ(name: str, change: Callable[[Any], None]) -> None:
    network, _ = golden(name)
    change(network)
    assert relative_error(network(X).detach(), doubles(NETWORKS[name]["logits"])) > 1e-2


def test_logits_without_memory_differ() -> None:
    network, _ = golden("rnn hard")
    forgetful(network)
    assert relative_error(network(X).detach(), doubles(NETWORKS["rnn hard"]["logits"])) > 1e-2


# Gates


def with_decisions(network: Any, values: Tensor) -> None:
    """Make the gates decide as the columns of `values` (B, N) say, one after the other."""
    columns = iter(values.split(1, 1))
    network.decide = lambda probability, training: next(columns).to(probability.dtype)


@pytest.mark.parametrize("gate", ["ff1", "ff2", "rnn"])
def test_all_gates_open_is_resnet_with_projections(gate: str) -> None:
    network = CifarSkipNet(depth=14, gate=gate).double().eval()
    base = CifarResNet(depth=14, shortcut="B").double().eval()
    base.load_state_dict({k: v for k, v in network.state_dict().items() if k in base.state_dict()})
    with_decisions(network, torch.ones(len(X), 5))
    expected = base(X)
    assert torch.equal(network(X), expected)
    plain = CifarSkipNet(depth=14, gate="none").double().eval()
    plain.load_state_dict(base.state_dict())
    assert torch.equal(plain(X), expected)


def test_closed_gate_leaves_features_bit_for_bit() -> None:
    network = CifarSkipNet(depth=14).double().eval()
    block, x = network.get_submodule("layer1.1"), torch.randn(2, 16, 8, 8).double()
    assert torch.equal(block(x, torch.zeros(2, 1).double()), x)
    mixed = block(x, torch.tensor([[0.0], [1.0]]).double())
    assert torch.equal(mixed[0], x[0])
    assert torch.equal(mixed[1], block.base(x)[1])


def test_threshold_includes_a_half() -> None:
    s = torch.tensor([0.49, 0.5, 0.51], requires_grad=True)
    decision = gates.hard(s, True)
    assert decision.tolist() == [0.0, 1.0, 1.0]
    decision.sum().backward()
    assert s.grad is not None
    assert s.grad.tolist() == [1.0] * 3
    assert gates.soft(s, True) is s
    assert gates.soft(s, False).tolist() == [0.0, 1.0, 1.0]


# What is skipped


@pytest.mark.parametrize("name", ["ff1 hard", "rnn hard"])
def test_run_skipping_computes_only_executed_rows(name: str) -> None:
    """Equal logits; each image's multiply-adds are those of a batch of itself alone."""
    network, _ = golden(name)
    rows: list[int] = []
    for block in network.modules():
        if isinstance(block, Gated):
            block.get_submodule("conv1").register_forward_hook(
                lambda module, args, output: rows.append(len(args[0]))
            )
    with FlopCounterMode(display=False) as flops:
        routing = run_skipping(network, X)
    assert routing.executed.T.double().tolist() == NETWORKS[name]["decisions"]
    assert rows == [n for n in routing.executed.sum(0).tolist() if n]
    assert routing.macs.sum().item() == pytest.approx(flops.get_total_flops() / 2)
    assert relative_error(routing.logits, network(X).detach()) < 1e-12
    alone = [run_skipping(network, x[None]) for x in X]
    assert [r.macs.item() for r in alone] == pytest.approx(routing.macs.tolist())
    assert len({round(macs) for macs in routing.macs.tolist()}) > 1


def test_forward_scored_of_open_gates_is_the_base_network_and_its_gates() -> None:
    network = CifarSkipNet(depth=14, gate="rnn").eval()
    network.control.proj.bias.data.fill_(99.0)
    x = X.float()
    _, scores = network.forward_scored(x, [])
    assert scores["blocks"].tolist() == [100.0] * len(X)
    assert 100 < scores["computation"].min() < 100.1  # Fig. 3: 0.04 % of a residual block
    plain = build_model("skipnet38_rnn", gate="none", device="meta")
    assert base_macs(network, x) == base_macs(CifarSkipNet(depth=14, gate="none"), x)
    assert sum(p.numel() for p in plain.parameters()) == 564_122


# The loss of the second stage


def test_hybrid_loss_over_all_decisions_has_gradient_of_expected_cost() -> None:
    """Eq. 6: summed over all 2^5 sequences by their probability, that of Eq. 5."""
    torch.manual_seed(0)
    network = CifarSkipNet(depth=14, gating="sampled").double().train()
    for module in network.modules():
        module.train(not isinstance(module, nn.BatchNorm2d))
    x, target, alpha = X[:1, :, :8, :8], TARGET[:1], 0.7
    surrogate, expected = torch.zeros(()).double(), torch.zeros(()).double()
    for sequence in product((0.0, 1.0), repeat=5):
        with_decisions(network, doubles([sequence]))
        episode = network(x)
        p = torch.where(episode.decisions > 0, episode.probabilities, 1 - episode.probabilities)
        cost = F.cross_entropy(episode.logits, target) - alpha * (1 - episode.decisions).mean()
        surrogate = surrogate + p.prod().detach() * HybridLoss(alpha=alpha)(episode, target)
        expected = expected + p.prod() * cost
    leaves = list(network.parameters())
    kept = {"retain_graph": True, "materialize_grads": True}
    actual, references = (torch.autograd.grad(y, leaves, **kept) for y in (surrogate, expected))
    for gradient, reference in zip(actual, references, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-8, atol=1e-12)


def test_sampled_gates_draw_by_probability_in_training_alone() -> None:
    torch.manual_seed(0)
    s = torch.full((4000, 1), 0.8, requires_grad=True)
    decisions = gates.sampled(s, True)
    assert not decisions.requires_grad
    assert decisions.mean().item() == pytest.approx(0.8, abs=0.03)
    assert gates.sampled(s, False).mean() == 1


# Names


@pytest.mark.parametrize(
    ("name", "authors", "unused"),
    [  # of the authors' code, and its gate after the last block
        ("skipnet38_ff", 1_148_798, 2 * 9 * 64 * 64 + 4 * 64 + 130),
        ("skipnet74_ff", 2_316_770, 2 * 9 * 64 * 64 + 4 * 64 + 130),
        ("skipnet110_ff", 2_609_798, 9 * 64 * 64 + 2 * 64 + 130),
        ("skipnet38_rnn", 571_913, 650),
        ("skipnet74_rnn", 1_162_109, 650),
        ("skipnet110_rnn", 1_752_305, 650),
        ("skipnet152_rnn", 2_440_867, 650),
        ("skipnet34_rnn", 21_836_483, 5_130),
        ("skipnet50_rnn", 25_709_123, 20_490),
        ("skipnet101_rnn", 44_875_501, 20_490),
    ],
)
def test_parameters_are_those_of_authors_code_less_last_gate(
    name: str, authors: int, unused: int
) -> None:
    network = build_model(name, device="meta")
    assert sum(p.numel() for p in network.parameters()) == authors - unused
    base = build_model(name, device="meta", gate="none")
    assert not hasattr(base, "control")


@pytest.mark.parametrize("name", ["skipnet38_ff", "skipnet110_ff", "skipnet74_rnn"])
def test_key_mapping_covers_state(name: str) -> None:
    (names,) = (each for each in KEY_MAPPINGS if each.supports(name))
    network = build_model(name)
    theirs = names.from_zoo(network.state_dict())
    expected = {k: v.shape for k, v in network.state_dict().items()}
    assert {k: v.shape for k, v in names.to_zoo(theirs).items()} == expected
    first = len([name for name in network.stage_names if name.startswith("layer1")])
    assert any(key.startswith(f"group1_gate{first - 1}.") for key in theirs)  # decides on layer2.0


def test_constructors_name_gates_and_depths() -> None:
    with pytest.raises(ValueError, match=r"gate \(Fig. 3\) must be one of ff1, ff2, rnn, none"):
        CifarSkipNet(depth=38, gate="lstm")
    with pytest.raises(ValueError, match=r"gating .* must be one of hard, soft, sampled"):
        CifarSkipNet(depth=38, gating="firm")
    with pytest.raises(ValueError, match=r"depth \(Sec. 4\) must be one of 34, 50, 101"):
        SkipNet(depth=152)
