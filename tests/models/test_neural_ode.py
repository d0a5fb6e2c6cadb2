"""Neural ODE: its authors' numbers, solvers, gradients by the adjoint, memory, keys, refusals."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

from tests.conftest import ROOT
from tests.golden.fill import images
from tests.golden.record_neural_ode import CASES, OUT, SIDE, filled, outcome
from zoo.claims.check import check
from zoo.claims.verdict import Status
from zoo.models._builder import build_model
from zoo.models._conversion import detect_model
from zoo.models._factory import create
from zoo.models.neural_ode.formulas import kept_by
from zoo.models.neural_ode.solvers import ADAPTIVE, FIXED, Solver, unroll
from zoo.models.neural_ode.units import Dynamics, ResBlock, TimeConv

GOLDEN = json.loads(OUT.read_text("utf-8"))["models"]
SAME, WRONG = 1e-9, 1e-3


def network(name: str) -> Any:
    """A network of the golden numbers, solved as the script's options say."""
    options = dict(zip(CASES[name][::2], CASES[name][1::2], strict=True))
    if "--network" in options:
        return filled(build_model(name))
    solver = {"tolerance": float(options.get("--tol", 1e-3)), "adjoint": "--adjoint" in options}
    return filled(build_model(name, solver=solver))


def digits() -> Tensor:
    return images(SIDE, channels=1)


def problem() -> tuple[Dynamics, Tensor]:
    """A filled f, and h(0), which asks for gradients: maps of 2x2."""
    return filled(Dynamics()), images(2, batch=1, channels=64).requires_grad_()


@pytest.mark.parametrize("name", GOLDEN)
def test_network_equals_authors_script(name: str) -> None:
    """Logits, and gradients: by the adjoint in both of the ODE-Nets."""
    expected = GOLDEN[name]
    actual = outcome(network(name))
    for key in ("logits", "gradients"):
        ours, theirs = (torch.tensor(x[key], dtype=torch.float64) for x in (actual, expected))
        assert (ours - theirs).abs().max() <= SAME * theirs.abs().max()


def time_last(conv: TimeConv, t: Any, h: Tensor) -> Tensor:
    return nn.Conv2d.forward(conv, torch.cat([h, torch.ones_like(h[:, :1]) * t], 1))


def without_last_norm(f: Dynamics, t: Any, h: Tensor) -> Tensor:
    out = f.conv1(t, f.act1(f.norm1(h)))
    return f.conv2(t, f.act2(f.norm2(out)))


def shortcut_before_norm(block: ResBlock, x: Tensor) -> Tensor:
    out = block.conv2(block.act2(block.norm2(block.conv1(block.act1(block.norm1(x))))))
    return out + block.downsample(x)


@pytest.mark.parametrize(
    ("kind", "wrong", "name"),
    [
        (TimeConv, time_last, "rknet_mnist_conv"),
        (Dynamics, without_last_norm, "rknet_mnist_conv"),
        (ResBlock, shortcut_before_norm, "resnet_mnist6_res"),
    ],
)
def test_wrong_layer_differs_from_authors_logits(
    kind: type, wrong: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "forward", wrong)
    with torch.no_grad():
        logits = network(name)(digits())
    assert (logits - torch.tensor(GOLDEN[name]["logits"])).abs().max() > WRONG


@pytest.mark.parametrize("method", FIXED)
def test_fixed_steps_equal_torchdiffeq(method: str) -> None:
    """The unrolled steps give what torchdiffeq's give, and so do the gradients of their adjoint."""
    import torchdiffeq

    f, h = problem()
    actual = Solver(method=method, steps=3)(f, h)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    options = {"grid_constructor": lambda *_: torch.arange(4, dtype=torch.float64) / 3}
    expected = torchdiffeq.odeint(f, h, ends, method=method, options=options)[1]
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)
    by_adjoint = Solver(method=method, steps=3, adjoint=True)(f, h)
    torch.testing.assert_close(by_adjoint, expected, rtol=1e-12, atol=1e-12)


def test_one_step_of_euler_is_a_residual_block() -> None:
    f, h = problem()
    assert torch.equal(Solver(method="euler")(f, h), h + f(0.0, h))


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_error_of_fixed_steps_falls_by_order(method: str, order: int) -> None:
    """On h' = h cos t, whose solution is exp(sin t)."""
    h = torch.ones(1, dtype=torch.float64)

    def error(steps: int) -> float:
        end = unroll(lambda t, h: h * math.cos(t), h, method, steps)
        return abs(float(end) - math.exp(math.sin(1)))

    assert math.log2(error(64) / error(128)) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_tighter_tolerance_is_nearer_and_takes_more_evaluations(method: str) -> None:
    f, h = problem()
    calls: list[int] = []
    f.register_forward_hook(lambda *_: calls.append(1))

    def solve(method: str, tolerance: float) -> tuple[Tensor, int]:
        calls.clear()
        with torch.no_grad():
            return Solver(method=method, tolerance=tolerance)(f, h), len(calls)

    exact, _ = solve("dopri8", 1e-5)
    ends, evaluations = zip(*(solve(method, tolerance) for tolerance in (1e-1, 1e-3)), strict=True)
    errors = [float((end - exact).abs().max()) for end in ends]
    assert errors[1] < errors[0] / 4
    assert evaluations[0] < evaluations[1]


def gradients(solver: Solver, activation: type[nn.Module] = nn.ReLU) -> list[Tensor]:
    f, h = problem()
    f.act1, f.act2 = activation(), activation()
    solver(f, h).square().mean().backward()
    return [p.grad for p in (h, *f.parameters()) if p.grad is not None]


def difference(actual: list[Tensor], expected: list[Tensor]) -> float:
    pairs = zip(actual, expected, strict=True)
    return max(float((a - e).norm() / e.norm()) for a, e in pairs)


def test_adjoint_gradients_are_direct_ones_to_the_tolerance() -> None:
    """Of a smooth f; that of h(0), and of every parameter."""
    direct = gradients(Solver(tolerance=1e-7), nn.Softplus)
    assert len(direct) == 11
    loose, tight = (
        difference(gradients(Solver(tolerance=t, adjoint=True), nn.Softplus), direct)
        for t in (1e-3, 1e-7)
    )
    assert tight < 1e-5 < loose < 0.1


def test_adjoint_gradients_approach_direct_ones_in_more_steps() -> None:
    """ReLU's kinks make the way back another one: not equal for each number of steps."""
    few, many = (
        difference(
            gradients(Solver(method="rk4", steps=steps, adjoint=True)),
            gradients(Solver(method="rk4", steps=steps)),
        )
        for steps in (2, 16)
    )
    assert 1e-9 < many < few / 16


def test_memory_grows_with_evaluations_only_without_adjoint() -> None:
    def kept(steps: int, adjoint: bool) -> int:
        solver = {"method": "rk4", "steps": steps, "adjoint": adjoint}
        return kept_by("odenet_mnist_conv", solver=solver)

    assert kept(1, True) == kept(8, True) < kept(1, False)
    assert kept(8, False) == 8 * kept(1, False)
    assert kept_by("resnet_mnist6_conv", blocks=12) == 2 * kept_by("resnet_mnist6_conv")


@pytest.mark.parametrize(
    ("trace", "adjoint"),
    [
        (fx.symbolic_trace, False),
        (lambda model: torch.export.export(model, (digits().float(),)), False),
        (lambda model: torch.export.export(model, (digits().float(),)), True),
    ],
    ids=["fx", "export", "export with adjoint"],
)
def test_graph_of_adaptive_steps_is_refused(trace: Any, adjoint: bool) -> None:
    method = "rk4" if adjoint else "dopri5"
    model = build_model("odenet_mnist_conv", solver={"method": method, "adjoint": adjoint}).eval()
    with pytest.raises(ValueError, match=r"no fixed list of operations; take fixed steps"):
        trace(model)


@pytest.mark.slow
def test_compiled_network_solves_between_graphs() -> None:
    model = filled(build_model("rknet_mnist_conv"))
    torch.compiler.reset()
    with torch.no_grad():
        compiled = torch.compile(model, backend="aot_eager")
        torch.testing.assert_close(compiled(digits()), model(digits()))


@pytest.mark.slow
@pytest.mark.parametrize("adjoint", [False, True])
def test_adaptive_solver_takes_bf16_and_autocast(adjoint: bool) -> None:
    """The steps are chosen in float32."""
    model = filled(build_model("odenet_mnist_conv", solver={"adjoint": adjoint}))
    expected = model(digits())
    with torch.autocast("cpu", torch.bfloat16):
        cast = model.float()(digits().float())
    half = model.bfloat16()(digits().bfloat16())
    assert half.dtype == torch.bfloat16
    for actual in (cast, half):
        assert (actual.double() - expected).norm() < 0.1 * expected.norm()
    half.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem": "pool"}, "stem must be one of conv, res"),
        ({"solver": {"method": "rk5"}}, "method must be one of euler, midpoint, rk4, dopri5"),
        ({"solver": {"tolerance": 0}}, "tolerance must be above 0 and steps 1 or more"),
        ({"solver": {"steps": 0}}, "tolerance must be above 0 and steps 1 or more"),
        ({"solver": {"step": 1}}, "solver has no 'step'"),
    ],
)
def test_wrong_argument_raises(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create("odenet_mnist_conv", **changes)
    with pytest.raises(ValueError, match="blocks must be 1 or more"):
        create("resnet_mnist6_conv", blocks=0)


def test_field_that_is_not_finite_stops_the_solver() -> None:
    f, h = problem()
    f.norm3.weight.data.fill_(math.nan)
    with pytest.raises(FloatingPointError, match=r"dopri5 has no solution within 0\.001"):
        Solver()(f, h)


def test_missing_torchdiffeq_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other claims of the paper are judged all the same; fixed steps need no library."""
    monkeypatch.setitem(sys.modules, "torchdiffeq", None)
    with pytest.raises(ImportError, match=r"pip install 'residual-zoo\[ode\]'"):
        build_model("odenet_mnist_conv")(digits().float())
    assert (
        build_model("odenet_mnist_conv", solver={"method": "rk4"})(digits().float())
        .isfinite()
        .all()
    )
    verdicts = {(v.model, v.metric): v for v in check("neural_ode")}
    assert verdicts["resnet_mnist6_res", "params"].status is Status.REPRODUCED
    memory = verdicts["odenet_mnist_res", "memory"]
    assert memory.status is Status.NOT_RUN
    assert "residual-zoo[ode]" in memory.why


@pytest.mark.parametrize("name", GOLDEN)
def test_authors_keys_become_ours(name: str) -> None:
    state = {key: torch.zeros(shape) for key, shape in GOLDEN[name]["shapes"].items()}
    match = detect_model(state, "a file", name)
    assert match.keys.name.startswith("rtqichen/torchdiffeq")
    assert match.keys.from_zoo(match.state).keys() == state.keys()


@pytest.mark.data
def test_published_weights_err_as_their_log_says(zoo_data: Path) -> None:
    """By the authors' keys; 500 images of the 10,000."""
    from zoo.checkpoints.reading import read_checkpoint
    from zoo.data.benchmarks import BENCHMARKS
    from zoo.data.transforms import EvalTransform

    path = zoo_data / "checkpoints" / "odenet_mnist" / "odenet_mnist_adjoint_50epochs.pth"
    state, _ = read_checkpoint(path)
    model: Any = build_model("odenet_mnist_conv").eval()
    model.load_state_dict(detect_model(state, path.name, "odenet_mnist_conv").state)
    samples, prepare = BENCHMARKS["mnist/test"].open(zoo_data), EvalTransform(model.pretrained_cfg)
    images, labels = zip(*(samples[i] for i in range(500)), strict=True)
    with torch.no_grad():
        classes = model(torch.stack([prepare(i) for i in images])).argmax(1)
    assert [i for i, wrong in enumerate(classes != torch.tensor(labels)) if wrong] == [445]


def test_recipes_are_the_scripts() -> None:
    from zoo.training import load_recipe

    recipe = load_recipe(str(ROOT / "configs" / "mnist_neural_ode.py") + ":odenet_mnist_res_mnist")
    epochs = (0, 59, 60, 99, 100, 139, 140, 159)
    rates = [recipe.lr * recipe.schedule(epoch / recipe.epochs) for epoch in epochs]
    assert rates == pytest.approx([0.1, 0.1, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])
