"""Reversible networks: activations are recomputed from the last ones instead of kept (1707.04585).

state (s_0, ..., s_n) -> step -> ... -> step -> state

step       s_t <- shortcut(s_t) + residual(sources)      sources: other elements of the state
inverse    s_t <- shortcut^-1(s_t - residual(sources))

The backward pass walks the steps from the last to the first, so that the activations in memory are
those of one residual and one state, however many steps there are. It computes every residual twice.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import get_device_states, set_device_states

State = list[Any]  # tensors, and None for elements that no step has created yet
Place = int | tuple[int, ...]  # an element; or several of one shape, side by side as channels


class Coupling(nn.Module):
    """A step's layers: s_t, sources -> shortcut(s_t) + residual(sources).

    A coupling that `creates` its element has no shortcut: there is nothing in its place before.
    """

    creates: bool = False

    def residual(self, *sources: Tensor) -> Tensor:
        """Return what is added, of the shape of the element."""
        raise NotImplementedError

    def shortcut(self, x: Tensor) -> Tensor:
        """Return an invertible function of the element: itself, if not overridden."""
        return x

    def invert_shortcut(self, y: Tensor) -> Tensor:
        """Return the x whose shortcut is y."""
        return y

    def forward(self, x: Tensor | None, *sources: Tensor) -> Tensor:
        residual = self.residual(*sources)
        return residual if self.creates or x is None else self.shortcut(x) + residual


class Step(NamedTuple):
    """A coupling, and which elements of the state it changes and reads."""

    coupling: Coupling
    target: Place
    sources: tuple[Place, ...]


def run(steps: Sequence[Step], state: Sequence[Any]) -> State:
    """Return the state after all steps; autograd keeps every activation."""
    state = list(state)
    for coupling, target, sources in steps:
        before = None if coupling.creates else _read(state, target)
        _write(state, target, coupling(before, *(_read(state, place) for place in sources)))
    return state


@torch.no_grad()
def invert(steps: Sequence[Step], state: Sequence[Any]) -> State:
    """Return the state before all steps, None for elements that they create.

    Example:
        >>> class Cube(Coupling):
        ...     def residual(self, x):
        ...         return x**3
        >>> steps = [Step(Cube(), 0, (1,)), Step(Cube(), 1, (0,))]
        >>> invert(steps, run(steps, [torch.tensor(1.0), torch.tensor(2.0)]))
        [tensor(1.), tensor(2.)]
    """
    state = list(state)
    for coupling, target, sources in reversed(steps):
        residual = _residual_again(coupling, [_read(state, place) for place in sources])
        _write(state, target, _undo(coupling, _read(state, target), residual))
    return state


def run_reversibly(steps: Sequence[Step], state: Sequence[Any]) -> State:
    """Do as `run`, but keep the last state alone for the backward pass.

    Gradients differ from those of `run` by what the inverse rounds. What dropout drew in the
    forward pass is drawn again in the backward pass, under the same autocast.
    """
    parameters = nn.ModuleList(step.coupling for step in steps).parameters()
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return list(_Reversible.apply(steps, trained, *state, *trained))


class _Reversible(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, steps: Sequence[Step], trained: Sequence[Tensor], *tensors: Tensor | None
    ) -> tuple[Tensor, ...]:
        state: State = list(tensors[: len(tensors) - len(trained)])
        kind = next(x.device.type for x in state if x is not None)
        ctx.steps, ctx.trained, ctx.seeds = steps, trained, []
        ctx.autocast = kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        for step in steps:
            before = _seed(state)
            state = run([step], state)
            unchanged = torch.equal(before[0], torch.get_rng_state()) and not before[1]
            ctx.seeds.append(None if unchanged else before)
        ctx.save_for_backward(*state)
        return tuple(state)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        state: State = [x.detach() for x in ctx.saved_tensors]
        totals: list[Any] = list(gradients)
        sums: dict[int, Any] = {}
        kind, dtype, enabled = ctx.autocast
        for step, seed in zip(reversed(ctx.steps), reversed(ctx.seeds), strict=True):
            with _replay(seed), torch.autocast(kind, dtype, enabled):
                _step_back(step, state, totals, sums)
        return None, None, *totals, *(sums.get(id(parameter)) for parameter in ctx.trained)


def _step_back(step: Step, state: State, totals: list[Any], sums: dict[int, Any]) -> None:
    """Take `state` and the gradients of its elements back by a step; add those of parameters."""
    coupling, target, sources = step
    leaves = [_read(state, place).detach().requires_grad_() for place in sources]
    with torch.enable_grad():
        residual = _residual_again(coupling, leaves)
    before, outputs = _undo(coupling, _read(state, target), residual.detach()), [residual]
    if before is not None:
        leaves.append(before.requires_grad_())
        with torch.enable_grad():
            outputs.append(coupling.shortcut(before))
    trained = [parameter for parameter in coupling.parameters() if parameter.requires_grad]
    given = [_read(totals, target).to(output.dtype) for output in outputs]
    values = torch.autograd.grad(outputs, [*trained, *leaves], given, allow_unused=True)
    for parameter, value in zip(trained, values, strict=False):
        sums[id(parameter)] = _add(sums.get(id(parameter)), value)
    _write(totals, target, None)
    for place, value in zip((*sources, target), values[len(trained) :], strict=False):
        for i, part in zip(_indices(place), _parts(place, value), strict=True):
            totals[i] = _add(totals[i], part)
    _write(state, target, None if before is None else before.detach())


def _indices(place: Place) -> tuple[int, ...]:
    return (place,) if isinstance(place, int) else place


def _parts(place: Place, value: Any) -> Sequence[Any]:
    """Divide a tensor, or None, among the elements of a place."""
    count = len(_indices(place))
    if value is None or count == 1:
        return [value] * count
    parts = value.chunk(count, 1)
    return [parts[i] for i in range(count)]  # a loop over parts is in no graph of torch.fx


def _read(state: State, place: Place) -> Any:
    parts = [state[i] for i in _indices(place)]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _write(state: State, place: Place, value: Any) -> None:
    for i, part in zip(_indices(place), _parts(place, value), strict=True):
        state[i] = part


def _residual_again(coupling: Coupling, sources: Sequence[Tensor]) -> Tensor:
    """Compute a residual a second time; running statistics move with the first time alone."""
    norms: list[Any] = [m for m in coupling.modules() if getattr(m, "track_running_stats", False)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        return coupling.residual(*sources)
    finally:
        for norm in norms:
            norm.track_running_stats = True


def _undo(coupling: Coupling, after: Tensor, residual: Tensor) -> Tensor | None:
    return None if coupling.creates else coupling.invert_shortcut(after - residual)


def _add(total: Any, value: Any) -> Any:
    return value if total is None else total if value is None else total + value


def _seed(state: State) -> tuple[Tensor, list[int], list[Tensor]]:
    """Return the state of the random generators of the CPU and of the state's devices."""
    return torch.get_rng_state(), *get_device_states(*(x for x in state if x is not None))


@contextmanager
def _replay(seed: tuple[Tensor, list[int], list[Tensor]] | None) -> Iterator[None]:
    """Draw what was drawn from `seed` on, and go on after it as if nothing had been drawn."""
    if seed is None:
        yield
        return
    cpu, devices, states = seed
    with torch.random.fork_rng(devices):
        torch.set_rng_state(cpu)
        set_device_states(devices, states)
        yield
