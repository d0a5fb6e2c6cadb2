"""Reservoirs: their matrices, their dynamics without input, their memory."""

import pytest
import torch

from zoo.modules.reservoir import (
    SKIPS,
    LinearMemory,
    RandomOrthogonal,
    Readout,
    Reservoir,
    ReservoirScales,
)

UNITS = 60


def matrix_of(skip: str) -> torch.Tensor:
    """The matrix that a skip multiplies by."""
    torch.manual_seed(0)
    return SKIPS[skip](UNITS).double()(torch.eye(UNITS, dtype=torch.float64))


@pytest.mark.parametrize("skip", SKIPS)
def test_skip_matrix_is_orthogonal(skip: str) -> None:
    matrix = matrix_of(skip)
    identity = torch.eye(UNITS, dtype=torch.float64)
    torch.testing.assert_close(matrix @ matrix.T, identity, atol=1e-5, rtol=0)
    assert all(buffer.is_contiguous() for buffer in SKIPS[skip](UNITS).buffers())
    assert torch.equal(matrix, identity) == (skip == "identity")


def test_cycle_matrix_has_ones_below_the_diagonal_and_in_the_corner() -> None:
    expected = torch.diag(torch.ones(UNITS - 1, dtype=torch.float64), -1)
    expected[0, -1] = 1
    assert torch.equal(matrix_of("cycle"), expected)


@pytest.mark.parametrize("rho", [0.5, 0.9, 1.1])
def test_recurrent_matrix_has_about_the_spectral_radius(rho: float) -> None:
    torch.manual_seed(0)
    reservoir = Reservoir(1, 400, torch.nn.Identity(), ReservoirScales(rho=rho))
    radius = torch.linalg.eigvals(reservoir.recurrent).abs().max().item()
    assert radius == pytest.approx(rho, rel=0.08)


def test_scales_bound_what_is_drawn() -> None:
    torch.manual_seed(0)
    scales = ReservoirScales(in_scaling=(0.1, 2.0), bias_scaling=0.3)
    reservoir = Reservoir(2, 300, torch.nn.Identity(), scales)
    largest = [*reservoir.weight_in.abs().amax(1).tolist(), reservoir.bias.abs().max().item()]
    assert largest == pytest.approx([0.1, 2.0, 0.3], rel=0.05)
    assert all(value <= limit + 1e-6 for value, limit in zip(largest, (0.1, 2.0, 0.3), strict=True))


@pytest.mark.parametrize("skip", SKIPS)
def test_state_without_nonlinear_branch_keeps_its_length(skip: str) -> None:
    """h_t = O h_(t-1): with alpha = 1 and beta = 0 nothing is lost."""
    reservoir = Reservoir(1, UNITS, SKIPS[skip](UNITS), ReservoirScales(alpha=1, beta=0)).double()
    h = start = torch.randn(3, UNITS, dtype=torch.float64)
    for _ in range(50):
        h = reservoir.step(h, torch.zeros(3, 1, dtype=torch.float64))
    torch.testing.assert_close(h.norm(dim=1), start.norm(dim=1), rtol=1e-4, atol=0)
    assert torch.equal(h, start) == (skip == "identity")


def test_states_from_two_starts_meet() -> None:
    """The echo state property: what a small alpha and rho remember fades."""
    reservoir = Reservoir(1, UNITS, RandomOrthogonal(UNITS), ReservoirScales(alpha=0.3, beta=0.5))
    near, far = torch.zeros(1, UNITS), torch.ones(1, UNITS)
    for x in torch.rand(100, 1, 1):
        near, far = reservoir.step(near, x), reservoir.step(far, x)
    torch.testing.assert_close(near, far)
    assert near.abs().max() > 0.01


def test_memory_holds_each_input_until_the_ring_is_full() -> None:
    """m_t is the sum of x_(t-k) V shifted by k places."""
    memory = LinearMemory(2, 5, in_scaling=0.7).double()
    x = torch.randn(1, 8, 2, dtype=torch.float64)
    m = torch.zeros(1, 5, dtype=torch.float64)
    for now in x.unbind(1):
        m = memory.step(m, now)
    expected = sum((x[:, 7 - k] @ memory.weight_in).roll(-k, 1) for k in range(8))
    torch.testing.assert_close(m, expected)
    once = m
    for _ in range(5):
        m = memory.step(m, torch.zeros(1, 2, dtype=torch.float64))
    torch.testing.assert_close(m, once)


def test_readout_standardizes_before_its_map() -> None:
    readout = Readout(3, 2).double()
    readout.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    readout.deviation.copy_(torch.tensor([2.0, 4.0, 8.0]))
    states = torch.tensor([[3.0, 6.0, 11.0]], dtype=torch.float64)
    torch.testing.assert_close(readout(states)[0], readout.weight.sum(1) + readout.bias)
