"""LiResNet: its authors' logits, bounds and losses; bounds and radii that nothing exceeds."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zoo
from tests.golden.fill import drawn_by_name, images
from tests.support.compare import relative_error
from zoo.claims.matching import SCORES
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.custom.labelled_images import open_source
from zoo.evaluation.engine import evaluate
from zoo.evaluation.tasks import task_of
from zoo.models._builder import build_model
from zoo.models.liresnet.certified import RADII, Bounded, certified_radius
from zoo.models.liresnet.convert import KEY_MAPPINGS
from zoo.models.liresnet.emma import EmmaLoss
from zoo.models.liresnet.layers import (
    BasicResidual,
    Convolution,
    LinearResidual,
    MinMax,
    largest_singular_value,
    power_iteration,
)
from zoo.models.liresnet.model import BasicLiResNet, LiResNet

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/liresnet.json").read_text("utf-8"))
NETWORKS = GOLDEN["networks"]
TARGET, EPSILON = torch.tensor(GOLDEN["target"]), GOLDEN["epsilon"]
(MAPPING,) = KEY_MAPPINGS


def doubles(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def golden(name: str) -> tuple[Any, Tensor]:
    """A network of the recorder, whose vectors of the power iteration are drawn too; its input."""
    args = NETWORKS[name]["args"]
    maker = BasicLiResNet if args["arch"] == "basic_res" else LiResNet
    sizes = {"layers": args["depth"], "width": args["width"], "img_size": args["input_size"]}
    network = maker(**sizes, bounded=True).double().train()
    shapes = {k: tuple(v.shape) for k, v in MAPPING.from_zoo(network.state_dict()).items()}
    state = drawn_by_name(shapes)
    assert MAPPING.has_required_keys(state)
    network.load_state_dict(MAPPING.to_zoo(state))
    return network, images(args["input_size"], len(TARGET))


@pytest.mark.slow
def test_logits_of_patches_equal_authors_code() -> None:
    network, _ = golden("linear224")
    with torch.no_grad():
        logits = network.eval()(images(224, 1))
    assert relative_error(logits, doubles(NETWORKS["linear224"]["logits"])) < 1e-12


@pytest.mark.parametrize("name", ["linear", "linear64", "basic"])
def test_logits_bounds_losses_and_gradients_equal_authors_code(name: str) -> None:
    (network, x), record = golden(name), NETWORKS[name]
    output = network(x)
    assert relative_error(output.logits.detach(), doubles(record["logits"])) < 1e-12
    loss = EmmaLoss(epsilon=EPSILON, adaptive=False)(output, TARGET)
    assert loss.item() == pytest.approx(record["fixed"], rel=1e-12)
    loss.backward()
    actual = MAPPING.from_zoo({key: p.grad for key, p in network.named_parameters()})
    for key, expected in record["gradients"].items():
        assert actual[key].abs().sum().item() == pytest.approx(expected, rel=1e-9), key
    bound = network.lipschitz()
    assert bound.item() == pytest.approx(record["bound"], rel=1e-12)
    output = Bounded(output.logits, network.slopes(bound))
    assert EmmaLoss(epsilon=EPSILON)(output, TARGET).item() == pytest.approx(record["emma"])
    assert (certified_radius(output) >= EPSILON).tolist() == record["robust"]


def adjacent_pairs(network: Any) -> None:
    """MinMax of neighbours, as others sort, instead of the two halves."""
    for module in network.modules():
        if isinstance(module, MinMax):
            module.forward = lambda x: x.unflatten(1, (-1, 2)).sort(2).values.flatten(1, 2)


def unscaled(network: Any) -> None:
    for module in network.modules():
        if isinstance(module, LinearResidual):
            module.scale = 1.0


def plain_head(network: Any) -> None:
    network.fc.rows = lambda: network.fc.weight


@pytest.mark.parametrize("change", [adjacent_pairs, unscaled, plain_head])
def test_logits_of_wrong_variant_differ(change: Any) -> None:
    network, x = golden("linear")
    change(network)
    assert relative_error(network(x)[0].detach(), doubles(NETWORKS["linear"]["logits"])) > 1e-2


# Bounds


def matrix(layer: Any, shape: tuple[int, ...]) -> Tensor:
    """The matrix of a layer without its bias: images in, images out."""
    layer.bias.data.zero_()
    basis = torch.eye(shape[0] * shape[1] * shape[2], dtype=torch.float64)
    return layer(basis.view(-1, *shape)).detach().flatten(1).T


@pytest.mark.parametrize("kernel", [(3, 1, 1), (5, 2, 2), (4, 4, 0), (8, 1, 0), (7, 4, 3)])
def test_bound_of_convolution_is_norm_of_its_matrix(kernel: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    size, stride, padding = kernel
    layer = Convolution(2, 4, size, stride, padding=padding, size=8).double()
    expected = torch.linalg.matrix_norm(matrix(layer, (2, 8, 8)), 2)
    actual = layer.lipschitz(largest_singular_value)
    assert actual.item() == pytest.approx(expected.item(), rel=1e-10)
    steps = [layer.lipschitz(partial(power_iteration, steps=n)) for n in (1, 10, 100)]
    assert steps[0] < steps[1] < steps[2] <= actual * (1 + 1e-12)  # from below


def test_bound_of_linear_residual_is_norm_of_identity_plus_kernel() -> None:
    """x + s gamma W x is one convolution, and its bound is less than 1 + |s gamma W|."""
    torch.manual_seed(0)
    layer = LinearResidual(4, 6, depth=4).double()
    nn.init.normal_(layer.weight, std=0.2)
    nn.init.uniform_(layer.gamma, -1, 1)
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    identity = F.pad(torch.eye(4, dtype=torch.float64)[..., None, None], (1, 1, 1, 1))
    merged = F.conv2d(x, identity + layer.kernel(), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), merged)
    whole = matrix(layer, (4, 6, 6))
    bound, branch = (
        layer.lipschitz(largest_singular_value).item(),
        whole - torch.eye(len(whole), dtype=torch.float64),
    )
    assert bound == pytest.approx(torch.linalg.matrix_norm(whole, 2).item(), rel=1e-10)
    assert bound < 0.99 * (1 + torch.linalg.matrix_norm(branch, 2).item())


def test_bound_of_basic_residual_is_sum_of_shortcut_and_branch() -> None:
    layer = BasicResidual(4, 6, depth=4).double()
    layer.scale.data.fill_(-0.5)
    norm = largest_singular_value
    branch = layer.conv1.lipschitz(norm) * layer.conv2.lipschitz(norm)
    assert layer.lipschitz(norm).item() == pytest.approx(1 + 0.5 * branch.item())


def spread(maker: Any) -> Any:
    """A small network with random weights, whose classes are apart."""
    torch.manual_seed(0)
    network = maker(layers=3, width=8, num_classes=5).double().eval()
    for parameter in network.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.5)
    return network


@pytest.mark.parametrize("maker", [LiResNet, BasicLiResNet])
def test_no_pair_of_images_changes_logits_faster_than_bound(maker: Any) -> None:
    network = spread(maker)
    slopes = network.slopes(network.settled_bound())
    x = torch.rand(16, 3, 32, 32, dtype=torch.float64) - 0.5
    for scale in (1e-3, 1.0):
        step = scale * torch.randn_like(x)
        change = (network(x + step) - network(x)).detach()
        pairs = (change[:, :, None] - change[:, None]).abs()
        ratio = pairs / step.flatten(1).norm(dim=1)[:, None, None]
        assert (ratio <= slopes.detach() + 1e-12).all()


def attack(network: Any, x: Tensor, radius: Tensor, steps: int = 20) -> Tensor:
    """PGD in L2 balls around images, by the margin: the classes that it ends in."""
    classes = network(x).argmax(1, keepdim=True)
    unit = torch.randn_like(x).flatten(1)
    offset = unit / unit.norm(dim=1, keepdim=True) * radius[:, None] / 2
    changed = classes.clone()
    for _ in range(steps):
        offset.requires_grad_()
        logits = network(x + offset.view_as(x))
        others = logits.scatter(1, classes, -torch.inf).amax(1)
        (gradient,) = torch.autograd.grad((others - logits.gather(1, classes)[:, 0]).sum(), offset)
        step = gradient / gradient.norm(dim=1, keepdim=True) * radius[:, None] / 5
        offset = (offset + step).detach()
        offset = offset * (radius[:, None] / offset.norm(dim=1, keepdim=True)).clamp(max=1)
        reached = network(x + offset.view_as(x)).argmax(1, keepdim=True).detach()
        changed = torch.where(reached != classes, reached, changed)
    return changed[:, 0]


@pytest.mark.parametrize("maker", [LiResNet, BasicLiResNet])
def test_attack_never_wins_within_certified_radius(maker: Any) -> None:
    """PGD in the ball finds no other class; in one fifty times as large it does."""
    network = spread(maker)
    x = torch.rand(6, 3, 32, 32, dtype=torch.float64) - 0.5
    radius = certified_radius(network.certify(x)).detach()
    assert 0 < radius.min() < radius.max() < torch.inf
    classes = network(x).argmax(1)
    assert torch.equal(attack(network, x, radius), classes)
    assert not torch.equal(attack(network, x, 50 * radius), classes)


def test_settled_bound_follows_weights() -> None:
    network = spread(LiResNet)
    before = network.settled_bound()
    assert network.settled_bound() is before
    network.conv1.weight.data.mul_(2.0)
    assert network.settled_bound().item() == pytest.approx(2 * before.item())


def test_certified_radius_is_zero_for_equal_logits() -> None:
    slopes = torch.tensor([[0.0, 2.0, 0.0], [2.0, 0.0, 2.0], [0.0, 2.0, 0.0]])
    logits = torch.tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0]])
    assert certified_radius(Bounded(logits, slopes)).tolist() == [1.0, 0.0]


# Loss and metric


def test_emma_gives_classes_no_more_than_they_need() -> None:
    """Classes that a perturbation puts ahead tie with the label; others gain all or a hundredth."""
    slopes = torch.full((4, 4), 2.0).fill_diagonal_(0.0)
    logits = torch.tensor([[3.0, 2.9, 0.0, 4.0]])
    target = torch.tensor([0])
    moved = torch.tensor([[0.0, 0.0, -3.0 + 1.0, 1.0 + 0.01]])  # epsilon 0.5: 1.0 at most
    expected = F.cross_entropy(moved, target)
    assert EmmaLoss(epsilon=0.5)(Bounded(logits, slopes), target).item() == pytest.approx(
        expected.item()
    )
    fixed = F.cross_entropy(torch.tensor([[0.0, 0.9, -2.0, 2.0]]), target)
    assert EmmaLoss(epsilon=0.5, adaptive=False)(
        Bounded(logits, slopes), target
    ).item() == pytest.approx(fixed.item())


def test_record_has_verified_robust_accuracies() -> None:
    torch.manual_seed(0)
    network: Any = zoo.create("liresnet_l6w32", layers=2, width=8).eval()
    samples, count = open_source("digits/test").samples, 16
    spec = task_of("liresnet_l6w32")
    evaluator = spec.evaluator(network, samples, None, BENCHMARKS["digits/test"])
    record = evaluate(evaluator, EvalConfig(limit=count))
    scores = record["scores"]
    assert record["samples"] == count
    x = torch.cat([evaluator.load(i)[0][0] for i in range(count)])
    labels = torch.tensor([evaluator.load(i)[1] for i in range(count)])
    bounded = network.certify(x)
    right = bounded.logits.argmax(1) == labels
    radius = certified_radius(bounded)
    for name, n in RADII.items():
        expected = 100 * (right & (radius >= n / 255)).double().mean().item()
        assert scores[name]["value"] == pytest.approx(expected)
    accuracy = 100 - scores["error"]["value"]
    assert accuracy >= scores["vra"]["value"] >= scores["vra_72"]["value"]
    assert RADII.keys() <= SCORES.keys()


# Names


@pytest.mark.parametrize(
    ("name", "args", "count"),
    [
        ("liresnet_l18w256", {}, 16_943_114),
        ("liresnet_l18w256", {"num_classes": 100}, 16_989_284),
        ("liresnet_l18w256", {"num_classes": 200, "img_size": 64}, 17_059_016),
        ("liresnet_l12w588", {}, 89_351_996),
        ("liresnet_l18w588", {}, 108_029_228),
    ],
)
def test_parameters_are_those_of_authors_code(name: str, args: Any, count: int) -> None:
    network = build_model(name, device="meta", **args)
    assert sum(p.numel() for p in network.parameters()) == count


def test_constructor_names_sizes() -> None:
    with pytest.raises(ValueError, match=r"img_size .* must be one of 32, 64, 224, not 48"):
        LiResNet(layers=2, width=8, img_size=48)
    with pytest.raises(ValueError, match="images must be square"):
        LiResNet(layers=2, width=8, img_size=(32, 64))
    with pytest.raises(ValueError, match="width even for MinMax, not 2 and 7"):
        LiResNet(layers=2, width=7)
