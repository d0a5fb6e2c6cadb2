"""FractalNet: columns are plain networks, joins means of what lives, and pytorchcv agrees."""

import re
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pytorchcv.models.fractalnet_cifar import fractalnet_cifar10
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.fractalnet.fractal import LOCAL, Block, Fractal, Route

C = 3
SMALL: dict[str, Any] = {"columns": C, "channels": (6, 8, 10)}


def place(layer: int, column: int, columns: int) -> str:
    """Our name of what pytorchcv calls block{layer}.subblock{column}, both from 1: which of the
    columns - column halvings is the first half or the second."""
    index = layer // 2 ** (column - 1) - 1
    halves = [index >> i & 1 for i in reversed(range(columns - column))]
    return "".join(("first.", "second.")[half] for half in halves)


def key_here(key: str) -> str:
    """Ours of a key of pytorchcv's."""
    actual = re.fullmatch(r"features\.unit(\d)\.block\.blocks\.block(\d)\.subblock(\d)\.(.*)", key)
    if not actual:
        return key.replace("output.", "fc.")
    block, layer, column, rest = actual.groups()
    return f"block{block}.fractal.{place(int(layer), int(column), C)}conv.{rest}"


@cache
def pytorchcv() -> nn.Module:
    model: nn.Module = fractalnet_cifar10().eval()
    fill(layers_of(model))
    return model


def as_pytorchcv() -> nn.Module:
    model = ours("fractalnet20", seed=1)
    state = {key_here(key): value for key, value in pytorchcv().state_dict().items()}
    model.load_state_dict(state, strict=True)
    return model


def test_fractalnet_logits_match_pytorchcv() -> None:
    assert relative_error(logits(as_pytorchcv(), 32), logits(pytorchcv(), 32)) <= SAME


def test_block_join_nested_means_differ_from_pytorchcv(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mean of means, 1/4, 1/4, 1/2 where three columns meet, is another network."""

    def nested(self: Block, paths: list[Tensor]) -> Tensor:
        actual, *others = paths
        for other in others:
            actual = (actual + other) / 2
        return actual

    monkeypatch.setattr(Block, "join", nested)
    assert relative_error(logits(as_pytorchcv(), 32), logits(pytorchcv(), 32)) > WRONG


def small(**args: Any) -> Any:
    return ours("fractalnet20", **SMALL, **args)


def alone(model: Any, column: int) -> Any:
    """One of its columns, extracted."""
    actual = small(column=column, seed=1)
    missing, left = actual.load_state_dict(model.state_dict(), strict=False)
    assert not missing
    assert len(left) == len(model.state_dict()) - len(actual.state_dict())
    return actual


def by_hand(model: Any, column: int, x: Tensor) -> Tensor:
    """Convolution, BatchNorm, ReLU, one after the other; max pooling after each block."""
    level = C + 1 - column
    for block in (model.block1, model.block2, model.block3):
        for m in range(2 ** (column - 1)):
            path = place((m + 1) * 2 ** (level - 1), level, C)
            layer: Any = block.fractal.get_submodule(f"{path}conv")
            x = F.conv2d(x, layer.conv.weight, padding=1)
            norm = layer.bn
            x = F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
            x = F.relu(x)
        x = F.max_pool2d(x, 2)
    return model.fc(x.mean((2, 3)))


@pytest.mark.parametrize("column", [1, 2, 3])
def test_fractalnet_column_equals_plain_network(column: int) -> None:
    """Extracted; by hand; and what a mini-batch of global drop-path sees."""
    model, x = small(drop_path_rate=0.15), images(32)
    with torch.no_grad():
        plain = alone(model, column)
        expected = by_hand(model, column, x)
        assert torch.equal(plain(x), expected)
        assert relative_error(model(x), expected) > WRONG
        model.route.column.fill_(C - column)
        model.route.draw = lambda: None
        for part in model.modules():
            part.train(not isinstance(part, nn.BatchNorm2d))
        assert torch.equal(model(x), expected)
    layers = [part for part in plain.modules() if isinstance(part, nn.Conv2d)]
    assert len(layers) == 3 * 2 ** (column - 1)


def test_fractal_follows_expansion_rule() -> None:
    """f_{C+1}(z) = [f_C o f_C](z) (+) conv(z), three times over."""
    fractal = Fractal(3, 4, 5, 0.0, 0).eval()
    fill(layers_of(fractal))
    f: Any = fractal
    x = images(6, channels=4)

    def mean(*paths: Tensor) -> Tensor:
        return torch.stack(paths).mean(0)

    def f2(part: Any, z: Tensor) -> list[Tensor]:
        middle = mean(part.first.conv(z))
        return [part.second.conv(middle), part.conv(z)]

    with torch.no_grad():
        actual = fractal(x, lambda paths: mean(*paths))
        middle = mean(*f2(f.first, x))
        for path, expected in zip(actual, [*f2(f.second, middle), f.conv(x)], strict=True):
            assert torch.equal(path, expected)


def drawn(rate: float, paths: int, times: int = 4000, column: int = LOCAL) -> Tensor:
    torch.manual_seed(0)
    route = Route(C, rate)
    route.column.fill_(column)
    return torch.stack([route.alive(paths) for _ in range(times)]).double()


def test_route_local_drop_path_has_expected_rate() -> None:
    """15 % of the inputs of a join, but never all: 1 - 0.15 + 0.15 ** n / n of them live."""
    for paths in (1, 2, 3):
        mask = drawn(0.15, paths)
        assert mask.sum(1).min() == 1
        expected = 1 - 0.15 + 0.15**paths / paths
        torch.testing.assert_close(
            mask.mean(0), torch.full((paths,), expected).double(), atol=0.02, rtol=0
        )
    assert torch.equal(drawn(1.0, 3).sum(1), torch.ones(4000).double())


def test_route_global_drop_path_draws_columns_equally() -> None:
    """Half of the mini-batches, one column each, as often one as another; joins of deeper columns
    only, which that one does not reach, go on by themselves."""
    torch.manual_seed(0)
    route, seen = Route(C, 0.15), []
    for _ in range(4000):
        route.draw()
        seen.append(int(route.column))
    shares = torch.bincount(torch.tensor(seen) + 1, minlength=C + 1) / 4000
    torch.testing.assert_close(
        shares, torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6]), atol=0.02, rtol=0
    )
    assert torch.equal(drawn(0.15, 3, 5, column=1), torch.tensor([[0.0, 1, 0]] * 5).double())
    assert drawn(0.15, 2, column=2).mean() > 0.8


def test_block_join_averages_live_paths() -> None:
    """Dropped paths have no gradient."""
    block = Block(Fractal(1, 3, 4, 0.0, 0), Route(C, 0.15), c_out=4, pools=False).train()
    paths = [images(3, channels=4, seed=i).requires_grad_() for i in range(3)]
    for alive in ([0], [1, 2], [0, 1, 2]):
        mask = torch.tensor([i in alive for i in range(3)])
        block.route.alive = lambda paths, mask=mask: mask  # type: ignore[method-assign]
        actual = block.join(paths)
        expected = torch.stack([paths[i] for i in alive]).mean(0)
        torch.testing.assert_close(actual, expected, rtol=1e-15, atol=1e-15)
        gradients = torch.autograd.grad(actual.sum(), paths)
        assert [bool(gradient.any()) for gradient in gradients] == mask.tolist()


def test_fractalnet_blocks_share_one_column_per_step() -> None:
    model = small(drop_path_rate=0.15)
    assert {id(part) for part in model.modules() if isinstance(part, Route)} == {id(model.route)}
    assert not [key for key in model.state_dict() if "route" in key]
    torch.manual_seed(0)
    before = model.route.column.clone()
    model(images(32))
    assert torch.equal(model.route.column, before)
    model.train()(images(32))
    assert LOCAL <= int(model.route.column) < C


def test_fractalnet_dropout_grows_with_depth() -> None:
    model: Any = build_model("fractalnet20", device="meta", drop_rate=0.4)
    blocks = [model.get_submodule(f"block{i}") for i in range(1, 6)]
    rates = [{part.p for part in b.modules() if isinstance(part, nn.Dropout)} for b in blocks]
    assert [pytest.approx(min(rate)) for rate in rates] == [0, 0.1, 0.2, 0.3, 0.4]
    assert all(len(rate) == 1 for rate in rates)


def size(name: str, **args: Any) -> int:
    """Parameters but for BatchNorm's."""
    model = build_model(name, device="meta", **args)
    return sum(p.numel() for p in model.parameters() if p.dim() > 1 or p.shape == (10,))


def test_fractalnet_parameter_count_matches_hand_count() -> None:
    """Of 2^C - 1 layers, C see what comes into the block; and how 38.6M comes about."""
    widths = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 512)]
    classifier = 512 * 10 + 10
    for name, columns in (("fractalnet20", 3), ("fractalnet40", 4)):
        inner = 2**columns - 1 - columns
        expected = sum(9 * b * (columns * a + inner * b) for a, b in widths)
        assert size(name) == expected + classifier
        for column in range(1, columns + 1):
            chain = sum(9 * b * (a + (2 ** (column - 1) - 1) * b) for a, b in widths)
            assert size(name, column=column) == chain + classifier
    assert size("fractalnet20") == 33_704_010
    assert sum(p.numel() for p in pytorchcv().parameters()) == 33_724_618
    projections = sum(a * b for a, b in widths if a != b)
    widened = sum(9 * 7 * b * b for _, b in widths) + projections + classifier
    assert size("fractalnet20_widened") == widened == 38_626_506


@pytest.mark.parametrize("args", [{"column": 4}, {"column": -1}, {"columns": 0}])
def test_fractalnet_invalid_column_raises(args: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"column must be 1 to C = \d \(Sec. 3\)"):
        build_model("fractalnet20", device="meta", **args)
