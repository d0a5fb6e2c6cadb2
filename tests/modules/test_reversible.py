"""Reversible computation: the gradients, statistics and draws of keeping every activation."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.modules.reversible import Coupling, State, Step, invert, run, run_reversibly

Run = Callable[[Sequence[Step], Sequence[Any]], State]


class Layers(Coupling):
    """x -> scale * x + BN, linear, tanh, dropout of the sum of the sources."""

    def __init__(self, width: int, *, creates: bool = False) -> None:
        super().__init__()
        self.creates = creates
        self.layers = nn.Sequential(
            nn.BatchNorm1d(width), nn.Linear(width, width), nn.Tanh(), nn.Dropout(0.3)
        )
        self.scale = nn.Parameter(torch.full((width,), 0.7))

    def residual(self, *sources: Tensor) -> Tensor:
        return self.layers(torch.stack(sources).sum(0))

    def shortcut(self, x: Tensor) -> Tensor:
        return self.scale * x

    def invert_shortcut(self, y: Tensor) -> Tensor:
        return y / self.scale


class Widening(Layers):
    """Of one element, for two."""

    def __init__(self) -> None:
        super().__init__(12)

    def residual(self, *sources: Tensor) -> Tensor:
        return super().residual(torch.cat([*sources, *sources], 1))


class Narrowing(Layers):
    """Of two elements at one place, for one."""

    def __init__(self) -> None:
        super().__init__(6)

    def residual(self, *sources: Tensor) -> Tensor:
        (x,) = sources
        return super().residual(x[:, :6], 2 * x[:, 6:])


def network(seed: int = 0, *, creates: bool = True) -> list[Step]:
    """Three elements, the last of which the first step creates; a source may be read twice.

    Some steps read or change two elements at once, as channels side by side.
    """
    torch.manual_seed(seed)
    steps = [Step(Layers(6, creates=True), 2, (0, 1))] if creates else []
    for _ in range(3):
        steps += [Step(Layers(6), 0, (1, 2)), Step(Layers(6), 1, (2,)), Step(Layers(6), 2, (0,))]
        steps += [Step(Widening(), (0, 2), (1,)), Step(Narrowing(), 1, ((2, 0),))]
    for step in steps:
        step.coupling.double().train()
    return steps


def inputs() -> State:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 5, 6, dtype=torch.float64, generator=generator)
    return [x[0].requires_grad_(), x[1].requires_grad_(), None]


def learn(runner: Run, steps: list[Step], used: Sequence[int] = (0, 1, 2)) -> dict[str, Tensor]:
    """Outputs, gradients and buffers after a pass, and the number that is drawn next."""
    state = inputs()
    torch.manual_seed(2)
    after = runner(steps, state)
    torch.stack([(i + 1) * after[i].square().sum() for i in used]).sum().backward()
    couplings = nn.ModuleList(step.coupling for step in steps)
    named = {key: p.grad for key, p in couplings.named_parameters()}
    named |= dict(couplings.named_buffers())
    named |= {f"output {i}": x for i, x in enumerate(after)}
    named |= {f"input {i}": state[i].grad for i in (0, 1)} | {"next": torch.rand(3)}
    return {key: value for key, value in named.items() if value is not None}


@pytest.mark.parametrize("used", [(0, 1, 2), (2,), (0,)])
def test_gradients_statistics_and_draws_equal_plain_run(used: tuple[int, ...]) -> None:
    expected = learn(run, network(), used)
    actual = learn(run_reversibly, network(), used)
    zeros = {key for key in actual if key not in expected}  # no gradient, or one of 0
    assert all(not actual[key].any() for key in zeros)
    for key, value in expected.items():
        torch.testing.assert_close(actual[key], value, rtol=1e-9, atol=1e-12, msg=key)


def test_invert_gives_first_state_and_leaves_statistics() -> None:
    steps, state = network(), inputs()
    for step in steps:
        step.coupling.eval()
    with torch.no_grad():
        undone = invert(steps, run(steps, state))
    assert undone[2] is None
    torch.testing.assert_close(undone[:2], state[:2], rtol=1e-9, atol=1e-12)
    norm = steps[0].coupling.layers[0].train()  # type: ignore[index,operator]
    before = norm.running_mean.clone()
    invert(steps[:1], [*state[:2], state[0]])
    assert torch.equal(norm.running_mean, before)
    assert norm.track_running_stats


def test_activations_are_kept_for_last_state_alone() -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.data_ptr())
        return tensor

    steps = network(creates=False)[:6]
    parameters = {p.data_ptr() for step in steps for p in step.coupling.parameters()}
    state = [*inputs()[:2], inputs()[0]]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        after = run_reversibly(steps, state)
    assert len(kept) == len(after) == 3
    assert not parameters & set(kept)


def test_frozen_parameters_and_autograd_grad_work() -> None:
    steps, state = network(creates=False)[:3], [*inputs()[:2], inputs()[0]]
    weights = [step.coupling.get_parameter("layers.1.weight") for step in steps]
    weights[0].requires_grad_(False)
    results = []
    for runner in (run, run_reversibly):
        torch.manual_seed(2)
        after = runner(steps, state)
        loss = torch.stack([x.square().sum() for x in after]).sum()
        results.append(torch.autograd.grad(loss, [*weights[1:], state[1]]))
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-12)
    assert all(weight.grad is None for weight in weights)


def test_autocast_is_that_of_forward_pass() -> None:
    results = []
    for runner in (run, run_reversibly):
        steps, state = network(creates=False), [*inputs()[:2], inputs()[0].detach()]
        steps = [Step(coupling.float(), *where) for coupling, *where in steps]
        state = [x.detach().float().requires_grad_() for x in state]
        torch.manual_seed(2)
        with torch.autocast("cpu", torch.bfloat16):
            after = runner(steps, state)
        torch.stack([x.float().square().sum() for x in after]).sum().backward()
        results.append(state[0].grad)
    error = (results[0] - results[1]).norm() / results[0].norm()
    assert error < 1e-5  # of residuals recomputed in float32, 1e-2


def test_gradient_of_gradient_is_refused() -> None:
    steps, state = network(creates=False)[:1], [*inputs()[:2], inputs()[0]]
    (first,) = torch.autograd.grad(
        run_reversibly(steps, state)[0].square().sum(), state[1], create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
