"""A verdict on a count follows from the network: with one more layer, none holds."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from timm.layers import DropPath
from torch import nn

from tests.conftest import class_of
from tests.support.patching import replace_everywhere
from zoo.claims import counts, judge
from zoo.claims.verdict import Status, Verdict
from zoo.models import _builder
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim


def is_counted(claim: Claim) -> bool:
    return not claim.variant and (claim.kind == "counted" or bool(claim.formula))


COUNTED = [claim for paper in load_papers() for claim in paper.claims if is_counted(claim)]


class Dropped(nn.Identity):
    """A residual block that half of the training steps skip."""

    def __init__(self) -> None:
        super().__init__()
        self.drop_path = DropPath(0.5)


def run(extra: nn.Module) -> None:
    extra(torch.empty(1, 16_000, 4, 4, device="meta"))


def grow(model: Any) -> Any:
    """Add a layer of 2.3 G parameters and 37 G multiply-adds, and ten blocks, to a network; to its
    connections if it has them, and to its cache."""
    extra = nn.Sequential(
        nn.Conv2d(16_000, 16_000, 3, padding=1, bias=False, device="meta"),
        *(Dropped() for _ in range(10)),
    )
    getattr(model, "connections", model).extra = extra
    model.register_forward_hook(lambda *_: run(extra))
    if hasattr(model, "cache"):
        make_cache = model.cache

        def cache(*args: Any) -> Any:
            grown = make_cache(*args)
            grown.values[len(grown.values)] = torch.empty(10**7, device="meta")
            return grown

        model.cache = cache
    return model


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of networks that are built with a layer more; to be filled by the test."""
    for paper in {claim.paper for claim in COUNTED if claim.formula}:
        importlib.import_module(f"zoo.models.{paper}.formulas")
    names: list[str] = []
    build_model = _builder.build_model

    def build(name: str, **args: Any) -> Any:
        model = build_model(name, **args)
        return grow(model) if name in names else model

    replace_everywhere(monkeypatch, "zoo.models._builder.build_model", build)
    counts.count_model.cache_clear()
    yield names
    counts.count_model.cache_clear()


def verdict_on(claim: Claim, *, recount: bool) -> Verdict:
    if claim.kind == "counted":
        return judge.counted(claim, recount)
    return judge.relative(claim, {}, recount)


def check_verdicts_move(claims: Sequence[Claim], growing: list[str]) -> None:
    for claim in claims:
        if claim.kind == "relative" and claim.paper == "residual_attention":
            continue  # in percent of a network of 200 layers: one more may not show
        if claim.formula == "gate_share":
            continue  # gates in percent of blocks: a layer elsewhere is in neither
        before = verdict_on(claim, recount=False)
        growing[:] = [claim.model]
        after = verdict_on(claim, recount=True)
        assert after.measured != before.measured, f"{claim.paper}: {before}"
        if before.status == Status.REPRODUCED:
            assert after.status == Status.NOT_REPRODUCED, f"{claim.paper}: {after}"


def test_verdict_by_formula_moves_with_an_added_layer(growing: list[str]) -> None:
    """Memory is that of the steps of a solver, which tests/models/test_neural_ode.py counts."""
    others = ("macs", "memory")
    claims = [claim for claim in COUNTED if claim.formula and claim.metric not in others]
    check_verdicts_move(claims, growing)


@pytest.mark.slow
def test_verdict_on_count_moves_with_an_added_layer(growing: list[str]) -> None:
    """One of each class of network, metric and formula."""
    kinds = {
        (class_of(claim.model), claim.kind, claim.metric, claim.formula): claim
        for claim in COUNTED
        if claim.metric != "memory"
    }
    check_verdicts_move(list(kinds.values()), growing)


def test_verdicts_on_counts_are_explained_if_and_only_if_they_miss() -> None:
    """An explanation of a row that holds would excuse it once it does not."""
    for claim in COUNTED:
        verdict = verdict_on(claim, recount=False)
        assert bool(claim.explained_by) == (verdict.status == Status.NOT_REPRODUCED), verdict
