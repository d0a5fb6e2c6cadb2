"""N-BEATS: its authors' forecasts, its bases, what it subtracts and adds, its ensembles."""

import json
from typing import Any

import pytest
import torch

from tests.golden.record_nbeats import (
    BLOCKS,
    DEGREE,
    MISSING,
    OUT,
    STACKS,
    VARIANTS,
    WIDTHS,
    fill,
    windows,
)
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models.nbeats.blocks import FixedBasis
from zoo.models.nbeats.convert import KEY_MAPPINGS
from zoo.models.nbeats.ensemble import NBeatsEnsemble
from zoo.models.nbeats.model import GenericNBeats, InterpretableNBeats, NBeats

GOLDEN = json.loads(OUT.read_text("utf-8"))


def small(kind: str = "generic", look_back: int = 18, horizon: int = 6, **changes: Any) -> NBeats:
    sizes: dict[str, Any] = {"look_back": look_back, "horizon": horizon} | changes
    if kind == "generic":
        network: NBeats = GenericNBeats(stacks=STACKS, width=WIDTHS[0], **sizes)
    else:
        network = InterpretableNBeats(blocks=BLOCKS, widths=WIDTHS, degree=DEGREE, **sizes)
    for basis in (m for m in network.modules() if isinstance(m, FixedBasis)):
        assert basis.forecast.dtype == torch.get_default_dtype()
    return network


@pytest.fixture(autouse=True)
def _double_bases() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def padded(look_back: int) -> torch.Tensor:
    """The recorder's windows, (3, look_back, 1), with NaN before a series' start."""
    x = windows(look_back)[..., None]
    x[2, :MISSING] = torch.nan
    return x


@pytest.mark.parametrize("variant", VARIANTS)
def test_forecast_equals_authors_code(variant: str) -> None:
    kind, look_back, horizon = VARIANTS[variant]
    with torch.no_grad():
        forecast = fill(small(kind, look_back, horizon))(padded(look_back))[..., 0]
    torch.testing.assert_close(forecast, torch.tensor(GOLDEN[variant]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "x"),
    [
        ({}, padded(18).flip(1)),
        ({}, padded(18).nan_to_num()),
        ({"level": False}, padded(18)),
    ],
    ids=["the first step first", "zeros that count", "no level"],
)
def test_forecast_of_wrong_variant_is_another(changes: dict[str, bool], x: torch.Tensor) -> None:
    """The golden numbers tell these apart."""
    with torch.no_grad():
        forecast = fill(small("interpretable", **changes))(x)[..., 0]
    expected = torch.tensor(GOLDEN["interpretable 18 6"])
    assert (forecast - expected)[2].abs().nan_to_num(1.0).max() > 1e-3


def test_backcasts_and_residual_add_up_to_input() -> None:
    """Sec. 3.2: x = the last residual + the sum of what all blocks explain."""
    network, x = fill(small("interpretable")), padded(18)[:2]
    explained: list[torch.Tensor] = []
    inputs: list[torch.Tensor] = []
    for block in network.stacks:
        block.register_forward_hook(lambda module, args, out: explained.append(out[0]))
        block.register_forward_hook(lambda module, args, out: inputs.append(args[0]))
    with torch.no_grad():
        trend, season = network.components(x)
        forecast = network(x)
    assert len(explained) == 2 * 2 * BLOCKS  # the blocks of a stack are one, applied again
    residual = inputs[2 * BLOCKS - 1] - explained[2 * BLOCKS - 1]
    total = residual + sum(explained[: 2 * BLOCKS])
    torch.testing.assert_close(total.flip(2)[:, 0], x[..., 0])
    torch.testing.assert_close(forecast, trend + season + x[:, -1:])


def test_components_are_polynomial_and_wave() -> None:
    network, x = fill(small("interpretable", look_back=24, horizon=12)), padded(24)[:2]
    with torch.no_grad():
        trend, season = network.components(x)
    differences = trend.diff(n=DEGREE + 1, dim=1)
    torch.testing.assert_close(differences, torch.zeros_like(differences))
    assert trend.diff(n=DEGREE, dim=1).abs().min() > 1e-3
    spectrum = torch.fft.rfft(season, dim=1).abs()
    assert spectrum[:, -1].max() < 1e-9 < spectrum[:, :-1].min()  # below half the horizon


def test_channels_are_forecast_each_by_itself() -> None:
    network, x = fill(small()), padded(18)
    both = torch.cat([x, x.flip(0)], 2)
    with torch.no_grad():
        torch.testing.assert_close(network(both), torch.cat([network(x), network(x.flip(0))], 2))
    cfg = pretrained_cfg(build_model("nbeats_g_6", device="meta", channels=7, look_back=42))
    assert (cfg["input_size"], cfg["horizon"], cfg["padded"]) == ((42, 7), 6, True)


def test_ensemble_is_median_of_members_on_their_own_look_back() -> None:
    kinds = ("interpretable", "generic")
    sizes: dict[str, Any] = {"stacks": STACKS, "widths": (5, 5, 7)}
    for look_backs in ((2,), (2, 4), (2, 3, 5)):
        args = {"horizon": 6, "kinds": kinds[: len(look_backs)], "look_backs": look_backs}
        network = fill(NBeatsEnsemble(copies=1, **args, **sizes))
        x = padded(6 * look_backs[-1])
        with torch.no_grad():
            members = [m(x[:, -m.sizes["input_size"][0] :]) for m in network.members]
            expected = torch.quantile(torch.stack(members), 0.5, dim=0)
            torch.testing.assert_close(network(x), expected)
        assert network.sizes["input_size"] == (6 * look_backs[-1], 1)


@pytest.mark.parametrize(
    "changes", [{"kinds": ()}, {"kinds": ("deep",)}, {"look_backs": ()}, {"copies": 0}]
)
def test_ensemble_of_nothing_raises(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="kinds are of generic, interpretable, look_backs at"):
        NBeatsEnsemble(**changes)


@pytest.mark.parametrize("kind", ["generic", "interpretable"])
def test_sizes_out_of_range_raise(kind: str) -> None:
    with pytest.raises(ValueError, match="horizon must be 1 or more, not 0"):
        small(kind, horizon=0)


@pytest.mark.parametrize("kind", ["g", "i"])
def test_authors_keys_map_to_ours_and_back(kind: str) -> None:
    """Keys as their network has them: of an interpretable one each block, though they are one."""
    parts = [*(f"layers.{i}" for i in range(4)), "basis_parameters"]
    count = 30 if kind == "g" else 6
    keys = [f"blocks.{b}.{p}.{k}" for b in range(count) for p in parts for k in ("weight", "bias")]
    theirs = {key: torch.zeros(1) for key in keys}
    bases = {}
    if kind == "i":
        bases = {f"blocks.{b}.basis_function.backcast_time": torch.zeros(1) for b in range(3)}
    (mapping,) = (m for m in KEY_MAPPINGS[1:] if m.supports(f"nbeats_{kind}_48"))
    assert isinstance(mapping, KeyMapping)
    ours = mapping.to_zoo(theirs | bases)
    assert set(ours) == set(build_model(f"nbeats_{kind}_48", device="meta").state_dict())
    assert set(mapping.from_zoo(ours)) == set(theirs)
