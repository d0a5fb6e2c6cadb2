"""RevCol: its authors' outputs, loss and gradients; how it is undone, and what it keeps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.fill import drawn_by_name, images
from tests.support.compare import relative_error
from tests.support.memory import kept_bytes
from zoo.models._builder import build_model
from zoo.models.revcol.convert import KEY_MAPPINGS
from zoo.models.revcol.level import ConvNeXtBlock, Level
from zoo.models.revcol.model import RevCol, RevColHuge
from zoo.models.revcol.supervision import compound_loss
from zoo.modules.reversible import invert, run

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/revcol.json").read_text("utf-8"))
NETWORKS = GOLDEN["networks"]
CHANNELS, LAYERS = GOLDEN["sizes"]["channels"], GOLDEN["sizes"]["layers"]
slow = pytest.mark.slow
STAGES = tuple(zip(LAYERS, CHANNELS, strict=True))


def authors_state(network: RevCol, mapping: Any) -> dict[str, Tensor]:
    """The recorder's tensors by the authors' names; the first column's alphas were drawn too."""
    theirs = mapping.from_zoo(network.state_dict())
    shapes = {key: tuple(tensor.shape) for key, tensor in theirs.items()}
    shapes |= {f"subnet0.alpha{j}": (1, width, 1, 1) for j, width in enumerate(CHANNELS)}
    return drawn_by_name(shapes)


def golden(name: str, **changes: Any) -> RevCol:
    args = dict(NETWORKS[name]["args"])
    reversible, columns = args.pop("save_memory"), args.pop("num_subnet")
    maker = RevColHuge if name == "huge" else RevCol
    network = maker(stages=STAGES, columns=columns, **args | changes).double().train()
    mapping = KEY_MAPPINGS[args["inter_supv"]]
    state = authors_state(network, mapping)
    assert [m for m in KEY_MAPPINGS if m.has_required_keys(state)] == [mapping]
    network.load_state_dict(mapping.to_zoo(state))
    network.set_grad_checkpointing(reversible)
    return network


def doubles(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def outputs(network: RevCol) -> tuple[list[Tensor], list[Tensor], Tensor]:
    x = images(GOLDEN["pixels"])
    if not len(network.supervision):
        logits = network(x)
        return [logits], [], logits.square().sum()
    logits, drawn = network.forward_supervised(x)
    target = torch.tensor(GOLDEN["target"])
    return logits, drawn, compound_loss(logits, drawn, target, x.sigmoid())


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_loss_and_gradients_equal_authors_code(name: str) -> None:
    network, record = golden(name), NETWORKS[name]
    logits, drawn, loss = outputs(network)
    for actual, expected in zip(logits, record["logits"], strict=True):
        assert relative_error(actual.detach()[:, :10], doubles(expected)) < 1e-12
    for image, pixels in zip(drawn, record["pixels"], strict=True):
        assert relative_error(image.detach().flatten()[:10], doubles(pixels)) < 1e-12
    assert loss.item() == pytest.approx(record["loss"], rel=1e-12)
    loss.backward()
    mapping = KEY_MAPPINGS[record["args"]["inter_supv"]]
    sums = {key: p.grad.abs().sum() for key, p in network.named_parameters() if p.grad is not None}
    actual_sums = mapping.from_zoo(sums)
    assert len(record["gradients"]) > 20
    for key, expected in record["gradients"].items():
        assert actual_sums[key].item() == pytest.approx(expected, rel=1e-9), key


# Wrong in one place


def seven_by_seven(network: RevCol) -> None:
    """ConvNeXt's own kernel, the 3x3 in its middle and something around it."""
    for block in network.modules():
        if isinstance(block, ConvNeXtBlock):
            weight = nn.functional.pad(block.dwconv.weight.data, (2, 2, 2, 2), value=0.1)
            block.dwconv.weight, block.dwconv.padding = nn.Parameter(weight), (3, 3)


def plain_alpha(network: RevCol) -> None:
    for level in network.modules():
        if isinstance(level, Level) and not level.creates:
            nn.init.ones_(level.alpha)


def new_levels_only(network: RevCol) -> None:
    """Each level adds to itself: no level above, as in a column alone."""
    for level in network.modules():
        if isinstance(level, Level):
            level.up = nn.ModuleList(_Nothing() for _ in level.up)


class _Nothing(nn.Module):
    def forward(self, x: Tensor, size: Any) -> Tensor:
        return torch.zeros((), dtype=x.dtype)


def no_layer_scale(network: RevCol) -> None:
    for block in network.modules():
        if isinstance(block, ConvNeXtBlock):
            nn.init.ones_(block.gamma)


@pytest.mark.parametrize("change", [seven_by_seven, plain_alpha, new_levels_only, no_layer_scale])
def test_logits_of_wrong_variant_differ(change: Callable[[RevCol], None]) -> None:
    network = golden("plain")
    change(network)
    expected = doubles(NETWORKS["plain"]["logits"][0])
    assert relative_error(outputs(network)[0][0].detach(), expected) > 1e-2


def test_huge_without_its_link_differs() -> None:
    network = golden("huge")
    for i in (1, 2):
        level = network.get_submodule(f"subnet{i}.level0")
        level.up[1] = _Nothing()  # type: ignore[index,operator]
    expected = doubles(NETWORKS["huge"]["logits"][0])
    assert relative_error(outputs(network)[0][0].detach(), expected) > 1e-2


def test_loss_weights_count_columns() -> None:
    """The first image weighs most and the last classifier most, by the two weights."""
    network = golden("supervised")
    x, target = images(GOLDEN["pixels"]), torch.tensor(GOLDEN["target"])
    logits, drawn = network.forward_supervised(x)
    alone = compound_loss(logits, drawn, target, x.sigmoid(), (0.0, 0.0))
    assert alone.item() == pytest.approx(nn.functional.cross_entropy(logits[-1], target).item())
    assert compound_loss(logits[::-1], drawn, target, x.sigmoid()).item() != pytest.approx(
        NETWORKS["supervised"]["loss"], rel=1e-3
    )


# Reversibility


def narrow(columns: int, **args: Any) -> RevCol:
    torch.manual_seed(0)
    return RevCol(stages=((1, 8), (1, 12), (1, 16), (1, 24)), columns=columns, **args)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_column_undone_gives_levels_of_last_one(dtype: torch.dtype, error: float) -> None:
    network, x = narrow(2).to(dtype).eval(), images(64).to(dtype)
    steps = network.steps()
    with torch.no_grad():
        before = run(steps[:4], network.first_state(x))
        after = run(steps[4:], before)
    undone = invert(steps[4:], after)
    assert relative_error(after[1], before[1]) > 0.1
    assert max(map(relative_error, undone, before)) < error
    assert invert(steps, after)[1:] == [None] * 4  # the first column makes them


def gradients(network: RevCol, x: Tensor, **kept: Any) -> dict[str, Tensor]:
    network.zero_grad()
    network.set_grad_checkpointing(**kept)
    torch.manual_seed(1)
    network(x).square().mean().backward()
    return {key: p.grad for key, p in network.named_parameters() if p.grad is not None}


def gradient_error(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Largest error of a tensor's gradient, relative to the tensor's own."""
    assert actual.keys() == expected.keys()
    return max(((actual[k] - g).norm() / g.norm()).item() for k, g in expected.items())


def test_gradients_of_sixteen_columns_need_kept_columns() -> None:
    """In float32 the gradients are the plain ones only if the levels of each column are kept."""
    network, x = narrow(16, drop_path_rate=0.2).train(), images(64).float()
    expected = gradients(network, x, enable=False)
    assert gradient_error(gradients(network, x, columns=1), expected) < 1e-4
    assert gradient_error(gradients(network, x, columns=0), expected) > 1e-2
    network, x = network.double(), x.double()
    expected = gradients(network, x, enable=False)
    assert gradient_error(gradients(network, x, columns=0), expected) < 1e-5


def test_kept_bytes_are_flat_in_columns_if_last_state_alone_is_kept() -> None:
    plain, each, last = (
        [kept_bytes(narrow(count), images(64).float(), **kept) for count in (2, 4, 8)]
        for kept in ({"enable": False}, {"columns": 1}, {"columns": 0})
    )
    assert last[0] == last[1] == last[2]
    assert each[2] - each[1] == 2 * (each[1] - each[0]) > 0
    assert plain[2] - plain[1] > 10 * (each[2] - each[1])


def test_alpha_near_zero_divides_by_a_thousandth() -> None:
    level = Level(0, 3, [4], [0.0], creates=False).double()
    level.alpha.data = torch.tensor([0.0, -1e-9, 0.3]).double().reshape(1, 3, 1, 1)
    x = torch.ones(1, 3, 2, 2, dtype=torch.float64)
    assert level.shortcut(x)[0, :, 0, 0].tolist() == pytest.approx([1e-3, -1e-3, 0.3])
    torch.testing.assert_close(level.invert_shortcut(level.shortcut(x)), x)
    level.shortcut(x).sum().backward()
    assert level.alpha.grad is not None
    assert level.alpha.grad.flatten().tolist() == [4.0] * 3  # it can leave zero


# Names


@pytest.mark.parametrize(
    ("name", "plain", "supervised"),
    [  # of the authors' code, with their first column's alphas
        ("revcol_tiny", 30_456_168, 33_063_984),
        pytest.param("revcol_small", 60_568_424, 63_176_240, marks=slow),
        pytest.param("revcol_base", 138_616_408, 141_694_960, marks=slow),
        pytest.param("revcol_large", 273_095_400, 280_372_272, marks=slow),
        pytest.param("revcol_xlarge", 833_807_400, 851_958_576, marks=slow),
    ],
)
def test_parameters_are_those_of_authors_code_less_unused_alphas(
    name: str, plain: int, supervised: int
) -> None:
    for expected, inter_supv in ((plain, False), (supervised, True)):
        network = build_model(name, device="meta", inter_supv=inter_supv)
        assert sum(p.numel() for p in network.parameters()) == expected - sum(network.widths)


def test_reset_classifier_reaches_supervised_columns() -> None:
    network = narrow(4, inter_supv=True, num_classes=7)
    network.reset_classifier(3)
    logits, drawn = network.forward_supervised(images(64).float())
    assert [tuple(y.shape) for y in logits] == [(2, 3)] * 4
    assert [tuple(image.shape) for image in drawn] == [(2, 3, 64, 64)] * 3


def test_constructor_names_number_of_columns_and_levels() -> None:
    with pytest.raises(ValueError, match=r"columns must be a multiple of 4, .* not 6"):
        narrow(6, inter_supv=True)
    with pytest.raises(ValueError, match=r"stages must have 4 levels \(Fig. 2\)"):
        RevCol(stages=((1, 8),), columns=2)
