"""Every claim is counted, evaluated or looked up, and judged. Here facts and code meet.

names -> claims of paper.toml -> counts, scores, recorded runs -> verdicts
"""

import importlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from zoo import literature, measuring, registry
from zoo.benchmarks import BENCHMARKS, NoDataError
from zoo.literature import Claim, Contradiction, Deviation, Paper
from zoo.measuring import Advance
from zoo.pretrained import ANOTHER, ROOMS, Weights
from zoo.verdicts import (
    NOT_BUILT,
    Verdict,
    judge_count,
    judge_error,
    judge_formula,
    judge_relative,
    judge_score,
    row,
)


def explained(verdict: Verdict, claim: Claim) -> Verdict:
    """The verdict on a claim, with the record of its room that explains a miss."""
    if verdict.status != "missed" or not claim.explained_by:
        return verdict
    paper = next(p for p in literature.load_all() if p.id == claim.paper)
    records: list[Deviation | Contradiction] = [*paper.deviations, *paper.contradictions]
    record = next(r for r in records if r.id == claim.explained_by)
    return replace(verdict, why=record.what.strip(), explained_by=record.id)


def counted(claim: Claim) -> Verdict:
    """The verdict on a counted claim, from the network itself."""
    if claim.variant:
        return row(claim, "not run", why=NOT_BUILT)
    if claim.formula:
        return explained(judge_count(claim, *_by_formula(claim)), claim)
    args = json.dumps(dict(claim.args), sort_keys=True)
    found = measuring.counts(claim.model, args, claim.input_size)
    return explained(judge_count(claim, getattr(found, claim.metric)), claim)


def _by_formula(claim: Claim) -> tuple[Any, Any]:
    """What a formula of the paper's room gives for a claim, and what there is as built."""
    formulas = importlib.import_module(f"zoo.families.{claim.paper}.formulas")
    given: tuple[Any, Any] = getattr(formulas, claim.formula)(claim.model, claim.than)
    return given


def obstacle(claim: Claim) -> str:
    """Why a measured claim cannot be tried at all, whatever weights there are; "" if it can."""
    if claim.variant:
        return NOT_BUILT
    if claim.benchmark not in BENCHMARKS:
        return f"the zoo has no benchmark {claim.benchmark} yet"
    if claim.metric not in JUDGES:
        return f"the zoo does not measure {claim.metric} yet"
    return ""


def judged_on(weights: Weights, claim: Claim) -> bool:
    """Whether weights are of the network that a claim is about, trained for its benchmark and, if
    they are on the Hub, prepared for what its protocol shows."""
    return (
        not claim.variant
        and claim.benchmark in weights.benchmarks
        and dict(weights.args) == dict(claim.args)
        and (not weights.repo or not weights.preprocessing or _shows_the_same(weights, claim))
    )


def _shows_the_same(weights: Weights, claim: Claim) -> bool:
    """Whether a claim's protocol is the one center crop that weights see by their preprocessing,
    whatever the interpolation: they keep the one that they were trained with."""
    views = next((p.views for p in literature.load_all() if p.id == claim.paper), {})
    view = views.get(claim.protocol)
    pixels, crop_pct = weights.preprocessing["input_size"][1], weights.preprocessing["crop_pct"]
    crop = ("center", pixels, (int(pixels / crop_pct),))  # as timm resizes
    return view is not None and (view.crops, view.pixels, view.shorter) == crop


def reported(metric: str, among: Iterable[Weights]) -> str:
    """What a provider reports for the first of these weights that it reports anything about."""
    for weights in among:
        if weights.reported:
            value = weights.reported[0].value(metric)
            return f"{value} % ({weights.name})" if value is not None else ""
    return ""


def measured(
    claim: Claim,
    data: Path | None,
    advance: Advance,
    among: Sequence[Weights] | None = None,
) -> Verdict:
    """The verdict on a measured claim: evaluated now if the first weights that fit (`among` some,
    if that is asked for) and their data are here. Nothing is downloaded."""
    known = [w for w in registry.weights_of(claim.model) if among is None or w in among]
    fitting = [weights for weights in known if judged_on(weights, claim)]
    verdict = _measured(claim, data, advance, fitting, known)
    return replace(verdict, provider=reported(claim.metric, fitting))


def _measured(
    claim: Claim,
    data: Path | None,
    advance: Advance,
    fitting: Sequence[Weights],
    known: Sequence[Weights],
) -> Verdict:
    weights = fitting[0] if fitting else None
    missing = measuring.missing(weights) if weights else ""
    if why := obstacle(claim):
        return row(claim, "not run", why=why + (f"; {missing}" if missing else ""))
    if not claim.protocol:
        return row(claim, "protocol unknown")
    if not weights and not measuring.needs_no_weights(claim.model):
        missing = _no_weights(claim, known)
    if missing:
        return row(claim, "not run", why=missing)
    try:
        verdict = JUDGES[claim.metric](claim, weights, data, advance)
    except NoDataError as error:
        return row(claim, "not run", why=str(error))
    if weights and weights.relation == ANOTHER:
        return replace(verdict, why=f"{weights.name}: {ANOTHER}")
    return explained(verdict, claim)


def _same(weights: Weights | None) -> bool:
    """Whether weights are the authors'. Bicubic interpolation, which has none, is everybody's."""
    return weights is None or weights.relation in ("official", "port")


def _classified(
    claim: Claim, weights: Weights | None, data: Path | None, advance: Advance
) -> Verdict:
    assert weights is not None
    found = measuring.classify(weights, BENCHMARKS[claim.benchmark], data, advance)
    wrong = sum(predicted != label for predicted, label in found.values())
    return judge_error(claim, wrong, len(found), same_weights=_same(weights))


def _enlarged(
    claim: Claim, weights: Weights | None, data: Path | None, advance: Advance
) -> Verdict:
    how = next(p.upscaling for p in literature.load_all() if p.id == claim.paper)[claim.protocol]
    found = measuring.enlarge(
        weights.name if weights else claim.model, BENCHMARKS[claim.benchmark], data, how, advance
    )
    return judge_score(claim, getattr(found, claim.metric), same_weights=_same(weights))


def _read(claim: Claim, weights: Weights | None, data: Path | None, advance: Advance) -> Verdict:
    reading = next(p.reading for p in literature.load_all() if p.id == claim.paper)
    if weights is None or claim.protocol not in reading:
        return row(claim, "not run", why=f"the windows of {claim.protocol} are not written down")
    how, benchmark = reading[claim.protocol], BENCHMARKS[claim.benchmark]
    found = measuring.read(weights.name, benchmark, data, how, advance)
    return judge_score(claim, found[claim.metric], same_weights=_same(weights))


JUDGES: dict[str, Callable[[Claim, Weights | None, Path | None, Advance], Verdict]] = {
    "error": _classified,
    "accuracy": _classified,
    "psnr": _enlarged,
    "ssim": _enlarged,
    "loss": _read,
    "perplexity": _read,
    "bits_per_byte": _read,
}


def _no_weights(claim: Claim, known: Sequence[Weights]) -> str:
    """Why none of the weights of a model can be held against a claim."""
    if not known and not claim.args:
        return "the zoo knows of no weights of these networks"
    others = sorted({benchmark for weights in known for benchmark in weights.benchmarks})
    if claim.benchmark in others:
        return f"no weights for {claim.benchmark} by the protocol {claim.protocol}"
    have = f"; those here are for {', '.join(others)}" if others else ""
    return f"no weights for {claim.benchmark}{have}"


def recorded_runs(room: str) -> list[dict[str, Any]]:
    """The training runs that eval/ recorded in a room."""
    path = ROOMS / room / "recorded.json"
    runs: list[dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    )
    return runs


def relative(claim: Claim, runs: Sequence[dict[str, Any]]) -> Verdict:
    """The verdict on a relative claim: by a formula of the paper's room, or by recorded runs."""
    if claim.formula:
        return explained(judge_formula(claim, *_by_formula(claim)), claim)
    return explained(judge_relative(claim, runs), claim)


def wanted(names: Iterable[str]) -> list[tuple[Paper, list[Claim], list[Weights]]]:
    """Papers with those of their claims and weights that `names` ask for (all, if there are none).

    A name is a model or weights (or a pattern), a room, or an arXiv number; weights bring the
    measured claims that they may be judged on. Raises UnknownNameError.
    """
    registry.check_claims()
    asked = list(names)
    found = []
    matched: set[str] = set()
    for paper in literature.load_all():
        whole = {paper.id, paper.arxiv, paper.arxiv.partition("v")[0]} & set(asked)
        known = _weights_for(paper)
        models = {claim.model for claim in paper.claims} | {w.name for w in known}
        hits = {n: {m for m in models if _fits(m, n)} for n in asked}
        matched |= whole | {name for name, models_hit in hits.items() if models_hit}
        chosen = models if whole or not asked else set().union(*hits.values())
        weights = [w for w in known if w.name in chosen]
        claims = [c for c in paper.claims if c.model in chosen or _about_any(weights, c)]
        if claims or weights:
            found.append((paper, claims, weights))
    for name in set(asked) - matched:
        if not any(character in name for character in "*?["):
            registry.variant(name.partition(".")[0])
        raise registry.UnknownNameError(f"no paper claims anything about {name!r}")
    if not any(claims or any(w.bundled for w in weights) for _, claims, weights in found):
        raise LookupError(f"no claim may be judged on {', '.join(asked)}, by its paper's protocol")
    return found


def _weights_for(paper: Paper) -> list[Weights]:
    """A room's weights, then those that other rooms have of the networks it makes claims on."""
    claimed = sorted({claim.model for claim in paper.claims})
    others = (w for model in claimed for w in registry.weights_of(model))
    return [*paper.weights, *(w for w in others if w.paper != paper.id)]


def _about_any(weights: Iterable[Weights], claim: Claim) -> bool:
    return claim.kind == "measured" and any(
        w.model == claim.model and judged_on(w, claim) for w in weights
    )


def _fits(model: str, pattern: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(model.partition(".")[0], pattern)


def check(
    *names: str, data: str | Path | None = None, advance: Advance = lambda what: None
) -> list[Verdict]:
    """Holds the claims on `names` (models, weights, patterns, rooms, arXiv numbers; all by default)
    against what is counted and measured now. `data` is a folder of data sets, one folder each;
    `advance` hears what each step is about. Raises UnknownNameError.
    """
    folder = Path(data) if data else None
    rows: list[Verdict] = []
    for paper, claims, weights in wanted(names):
        runs = recorded_runs(paper.id)
        judges: dict[str, Callable[[Claim], Verdict]] = {
            "counted": counted,
            "measured": partial(measured, data=folder, advance=advance, among=weights),
            "relative": partial(relative, runs=runs),
        }
        for claim in claims:
            advance(f"{paper.id}: {claim.model}")
            rows.append(judges[claim.kind](claim))
        own = (w for w in weights if w.bundled and w.paper == paper.id)
        rows += [row for w in own for row in measuring.bundled(w, folder, advance)]
    return rows
