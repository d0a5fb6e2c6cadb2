"""RevBiFPN: its authors' loss and gradients, RevSilo's inverse, what is recomputed and kept.

The authors' logits are in test_all_parity.py.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import WRONG, golden_error
from tests.support.compare import relative_error
from tests.support.memory import kept_bytes
from tests.support.patching import replace_everywhere
from zoo.models._builder import build_model
from zoo.models.revbifpn.convert import KEY_MAPPINGS
from zoo.models.revbifpn.mbconv import SqueezeExcite
from zoo.models.revbifpn.silo import Layer, halves
from zoo.modules.reversible import Step, invert, run

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/revbifpn.json").read_text("utf-8"))
TRAINING = GOLDEN["training"]
slow = pytest.mark.slow


def network(fusions: int = 1, **args: Any) -> Any:
    return build_model("revbifpn_s0", fusions=fusions, num_classes=10, **args)


def filled(**args: Any) -> Any:
    model = network(**args)
    fill(layers_of(model))
    return model


@pytest.mark.parametrize("recomputed", [pytest.param(False, marks=slow), True])
def test_loss_and_gradients_equal_authors_code(recomputed: bool) -> None:
    model = filled().train()
    model.set_grad_checkpointing(recomputed)
    logits = model(images(TRAINING["pixels"]))
    loss = nn.functional.cross_entropy(logits, torch.tensor(TRAINING["target"]))
    loss.backward()
    assert loss.item() == pytest.approx(TRAINING["loss"], rel=1e-12)
    sums = {key: p.grad.abs().sum() for key, p in model.named_parameters()}
    theirs = KEY_MAPPINGS[0].from_zoo(sums)
    assert len(TRAINING["gradients"]) > 50
    for key, expected in TRAINING["gradients"].items():
        assert theirs[key].item() == pytest.approx(expected, rel=1e-7), key


@slow
@pytest.mark.parametrize("size", ["s0", "s6"])
def test_authors_keys_are_read_both_ways(size: str) -> None:
    state = build_model(f"revbifpn_{size}", device="meta").state_dict()
    theirs = KEY_MAPPINGS[0].from_zoo(state)
    assert len(theirs) == len(state)
    assert all(key.startswith(("rev_stack.", "head.")) for key in theirs)
    assert KEY_MAPPINGS[0].to_zoo(theirs).keys() == state.keys()


# RevSilo


@pytest.mark.parametrize(
    ("dtype", "error"),
    [pytest.param(torch.float32, 1e-4, marks=slow), (torch.float64, 1e-12)],
    ids=str,
)
def test_layers_undone_give_levels_before(dtype: torch.dtype, error: float) -> None:
    """The third layer makes the last level, which is none before it."""
    model, x = filled().to(dtype).eval(), images(32).to(dtype)
    steps = [list(model.get_submodule(f"layers.{i}").steps()) for i in range(4)]
    with torch.no_grad():
        state = run(steps[1], run(steps[0], model.first_state(x)))
        after = run(steps[3], run(steps[2], state))
    undone = invert(steps[2], invert(steps[3], after))
    assert [y is None for y in undone] == [y is None for y in state] == [False] * 6 + [True] * 2
    assert max(map(relative_error, undone[:6], state[:6])) < error
    assert relative_error(after[0], state[0]) > 0.1


def test_every_level_reaches_every_other_in_one_silo() -> None:
    """Of a level, every number after a RevSilo depends on each of the others before it."""
    layer = Layer((8, 8, 8, 8), creates=False, drop_path=0.0).double().eval()
    steps = list(layer.steps())[16:]  # after the pairs of blocks, twice for each of four levels
    for source in range(4):
        state = [torch.ones(1, 4, 16 >> i // 2, 16 >> i // 2).double() for i in range(8)]
        for i in halves(source):
            state[i].requires_grad_()
        assert all(y.requires_grad for y in run(steps, state))


# Recomputation


def gradients(dtype: torch.dtype, recomputed: bool) -> dict[str, Tensor]:
    model = filled(drop_path_rate=0.2).to(dtype).train()
    model.set_grad_checkpointing(recomputed)
    x = images(64).to(dtype).requires_grad_()  # at 32 the last BN has two values
    torch.manual_seed(0)
    model(x).square().mean().backward()
    assert x.grad is not None
    statistics = {k: v for k, v in model.named_buffers() if "layers" in k}
    return {"x": x.grad, **statistics, **{k: p.grad for k, p in model.named_parameters()}}


@slow
@pytest.mark.parametrize(
    ("dtype", "error"), [(torch.float32, 1e-2), (torch.float64, 1e-8)], ids=str
)
def test_recomputed_gradients_and_statistics_equal_plain_ones(
    dtype: torch.dtype, error: float
) -> None:
    plain, again = (gradients(dtype, recomputed) for recomputed in (False, True))
    assert plain.keys() == again.keys()
    for key, expected in plain.items():
        difference = (again[key] - expected).double().norm()
        assert difference <= error * expected.double().norm() + 1e-4 * error, key


@slow
def test_kept_bytes_are_flat_in_layers_if_recomputed() -> None:
    plain, again = (
        [kept_bytes(network(fusions), images(32).float(), enable=enable) for fusions in (0, 1, 2)]
        for enable in (False, True)
    )
    assert again[0] == again[1] == again[2]
    assert plain[2] - plain[1] == plain[1] - plain[0] > again[0]


# Wrong in one place


def read_changed_levels(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches down from the first level on, so that the next ones start from the sums."""
    original = Layer.steps

    def steps(layer: Layer) -> list[Step]:
        rest = list(original(layer))
        down = [s for s in rest if s.coupling in [*layer.down.values()]]
        first = rest.index(down[0])
        rest[first : first + len(down)] = sorted(down, key=lambda s: s.sources[0])  # type: ignore[arg-type,return-value]
        return rest

    monkeypatch.setattr(Layer, "steps", steps)


def nearest_pixels(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in model.modules():
        if isinstance(module, nn.Upsample):
            module.mode = "nearest"


def unshuffle_by_channel(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's order: all places of a block for the first channel, then for the next."""
    target = "zoo.modules.space_to_depth.space_to_depth"
    replace_everywhere(monkeypatch, target, nn.functional.pixel_unshuffle)


def smooth_gates(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in model.modules():
        if isinstance(module, SqueezeExcite):
            module.se[-1] = nn.Sigmoid()


@pytest.mark.parametrize(
    "change",
    [
        read_changed_levels,
        pytest.param(nearest_pixels, marks=slow),
        pytest.param(unshuffle_by_channel, marks=slow),
        pytest.param(smooth_gates, marks=slow),
    ],
)
def test_logits_of_wrong_variant_differ(
    change: Callable[[nn.Module, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert golden_error("revbifpn-s0", lambda model: change(model, monkeypatch)) > WRONG


# Arguments


def test_stem_repeats_channels_until_width_is_full() -> None:
    """S1 is 64 channels wide: red a second time, in blocks of 4 x 4."""
    model: Any = build_model("revbifpn_s1", device="meta")
    x = images(32)
    y = model.stem(x)
    assert y.shape == (2, 64, 8, 8)
    assert torch.equal(y[:, :4], torch.cat([x, x[:, :1]], 1)[:, :, ::4, ::4])
    assert torch.equal(y[:, 4:8], torch.cat([x, x[:, :1]], 1)[:, :, ::4, 1::4])


def test_image_of_odd_size_is_as_with_zeros_at_its_end() -> None:
    model, x = network(0).double().eval(), images(64, batch=1)[:, :, :50, :33]
    padded = nn.functional.pad(x, (0, 31, 0, 14))
    with torch.no_grad():
        assert torch.equal(model(x), model(padded))


def test_build_model_too_many_channels_raises() -> None:
    with pytest.raises(ValueError, match="in_chans must be at most 3, not 4"):
        build_model("revbifpn_s0", in_chans=4)
