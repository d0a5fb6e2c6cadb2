"""Every claim is counted, evaluated or looked up, and judged. Here facts and code meet.

names -> claims of paper.toml -> counts, scores, recorded runs -> verdicts
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any

from zoo import literature, registry
from zoo.benchmarks import BENCHMARKS, Benchmark, NoDataError
from zoo.literature import Claim, Paper
from zoo.pretrained import ANOTHER, ROOMS, Weights
from zoo.verdicts import NOT_BUILT, Verdict, judge_count, judge_error, judge_relative, row

Advance = Callable[[str], None]


@cache
def _counts(model: str, args: str, pixels: int) -> Any:
    from zoo.benchmarks.counts import count

    entry = registry.variant(model)
    overrides = json.loads(args)
    network = registry.network(model, device="meta", **overrides)
    channels, *own = entry.cfg["input_size"]
    return count(network, (channels, *([pixels, pixels] if pixels else own)))


def counted(claim: Claim, paper: Paper) -> Verdict:
    """The verdict on a counted claim, from the network itself."""
    if claim.variant:
        return row(claim, "not run", why=NOT_BUILT)
    args = json.dumps(dict(claim.args), sort_keys=True)
    found = _counts(claim.model, args, claim.input_size)
    return judge_count(claim, getattr(found, claim.metric), paper)


def obstacle(claim: Claim) -> str:
    """Why a measured claim cannot be tried at all, whatever weights there are; "" if it can."""
    if claim.variant:
        return NOT_BUILT
    if claim.benchmark not in BENCHMARKS:
        return f"the zoo has no benchmark {claim.benchmark} yet"
    if claim.metric not in ("error", "accuracy"):
        return f"the zoo does not measure {claim.metric} yet"
    return ""


def judged_on(weights: Weights, claim: Claim) -> bool:
    """Whether weights are of the network that a claim is about, trained for its benchmark and, if
    they are on the Hub, prepared for what its protocol shows."""
    return (
        not claim.variant
        and claim.benchmark in weights.benchmarks
        and dict(weights.args) == dict(claim.args)
        and (not weights.repo or _shows_the_same(weights, claim))
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
    missing = _missing(fitting[0]) if fitting else ""
    if why := obstacle(claim):
        return row(claim, "not run", why=why + (f"; {missing}" if missing else ""))
    if not claim.protocol:
        return row(claim, "protocol unknown")
    if not fitting:
        return row(claim, "not run", why=_no_weights(claim, known))
    if missing:
        return row(claim, "not run", why=missing)
    weights = fitting[0]
    try:
        found = evaluate(weights, BENCHMARKS[claim.benchmark], data, advance)
    except NoDataError as error:
        return row(claim, "not run", why=str(error))
    wrong = sum(predicted != label for predicted, label in found.values())
    same = weights.relation in ("official", "port")
    verdict = judge_error(claim, wrong, len(found), same_weights=same)
    another = weights.relation == ANOTHER
    return replace(verdict, why=f"{weights.name}: {ANOTHER}") if another else verdict


def _no_weights(claim: Claim, known: Sequence[Weights]) -> str:
    """Why none of the weights of a model can be held against a claim."""
    others = sorted({benchmark for weights in known for benchmark in weights.benchmarks})
    if claim.benchmark in others:
        return f"no weights for {claim.benchmark} by the protocol {claim.protocol}"
    have = f"; those here are for {', '.join(others)}" if others else ""
    return f"no weights for {claim.benchmark}{have}"


def _missing(weights: Weights) -> str:
    """What to do about weights on the Hub that are not on this machine; "" if they are."""
    from zoo import hub

    if not weights.repo or hub.is_here(weights):
        return ""
    return (
        f"{weights.name} ({weights.relation}; {weights.licence}) is on the Hub, not here: "
        f"zoo.create({weights.name!r}, pretrained=True) brings it"
    )


def evaluate(
    weights: Weights, benchmark: Benchmark, data: Path | None, advance: Advance
) -> dict[int, tuple[int, int]]:
    """{index: (predicted, true)} of pinned weights on a whole benchmark."""
    from zoo.benchmarks.classification import predict
    from zoo.benchmarks.preprocessing import Preprocessing

    samples = benchmark.open(data)
    model = registry.create(weights.name, pretrained=True)
    prepare = Preprocessing(vars(model)["pretrained_cfg"])
    advance(f"{weights.name} on {benchmark.id}")
    found = predict(model, prepare, samples, range(len(samples)))
    if sorted(found) != list(range(benchmark.size)):
        raise RuntimeError(f"{benchmark.id}: {len(found)} of {benchmark.size} samples were seen")
    return found


def bundled(weights: Weights, advance: Advance) -> list[Verdict]:
    """Whether the weights that come with the zoo still give the answers that were recorded."""
    record = json.loads(weights.record.read_text(encoding="utf-8"))
    rows = []
    for name in weights.benchmarks:
        then = record["benchmarks"][name]
        before = {int(i): predicted for i, predicted in then["wrong"].items()}
        found = evaluate(weights, BENCHMARKS[name], None, advance)
        now = {i: predicted for i, (predicted, label) in found.items() if predicted != label}
        differing = sorted(i for i in before.keys() | now.keys() if before.get(i) != now.get(i))
        right = len(found) - len(now)
        rows.append(
            Verdict(
                paper=weights.paper,
                kind="bundled weights",
                model=weights.name,
                metric="right answers",
                where=f"{name}, recorded by the zoo",
                claimed=f"{then['right']} of {then['total']}",
                status="missed" if differing else "kept",
                measured=f"{right} of {len(found)}",
                why=f"images {', '.join(map(str, differing))} differ" if differing else "",
            )
        )
    return rows


def recorded_runs(room: str) -> list[dict[str, Any]]:
    """The training runs that eval/ recorded in a room."""
    path = ROOMS / room / "recorded.json"
    runs: list[dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    )
    return runs


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
        models = {claim.model for claim in paper.claims} | {w.name for w in paper.weights}
        hits = {n: {m for m in models if _fits(m, n)} for n in asked}
        matched |= whole | {name for name, models_hit in hits.items() if models_hit}
        chosen = models if whole or not asked else set().union(*hits.values())
        weights = [w for w in paper.weights if w.name in chosen]
        claims = [c for c in paper.claims if c.model in chosen or _about_any(weights, c)]
        if claims or weights:
            found.append((paper, claims, weights))
    for name in set(asked) - matched:
        if not any(character in name for character in "*?["):
            registry.variant(name.partition(".")[0])
        raise registry.UnknownNameError(f"no paper claims anything about {name!r}")
    if not any(claims or not all(w.repo for w in weights) for _, claims, weights in found):
        raise LookupError(f"no claim may be judged on {', '.join(asked)}, by its paper's protocol")
    return found


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
            "counted": partial(counted, paper=paper),
            "measured": partial(measured, data=folder, advance=advance, among=weights),
            "relative": partial(judge_relative, runs=runs),
        }
        for claim in claims:
            advance(f"{paper.id}: {claim.model}")
            rows.append(judges[claim.kind](claim))
        rows += [row for w in weights if not w.repo for row in bundled(w, advance)]
    return rows
