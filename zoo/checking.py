"""Every claim is counted, evaluated or looked up, and judged. Here facts and code meet.

names -> claims of paper.toml -> counts, scores, recorded runs -> verdicts
"""

import json
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any

from zoo import literature, registry
from zoo.benchmarks import BENCHMARKS, Benchmark, NoDataError
from zoo.literature import ROOMS, Claim, Paper, Weights
from zoo.verdicts import Verdict, judge_count, judge_error, judge_relative, row

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
    args = json.dumps(dict(claim.args), sort_keys=True)
    found = _counts(claim.model, args, claim.input_size)
    return judge_count(claim, getattr(found, claim.metric), paper)


def obstacle(claim: Claim) -> str:
    """Why a measured claim cannot be tried at all, whatever weights there are; "" if it can."""
    if claim.variant:
        return "the zoo does not build this variation of the network"
    if claim.benchmark not in BENCHMARKS:
        return f"the zoo has no benchmark {claim.benchmark} yet"
    if claim.metric not in ("error", "accuracy"):
        return f"the zoo does not measure {claim.metric} yet"
    return ""


def measured(claim: Claim, data: Path | None, advance: Advance) -> Verdict:
    """The verdict on a measured claim: evaluated now if its weights and data are here."""
    if why := obstacle(claim):
        return row(claim, "not run", why=why)
    if not claim.protocol:
        return row(claim, "protocol unknown")
    all_weights = registry.weights_of(claim.model)
    fitting = [
        w
        for w in all_weights
        if claim.benchmark in w.benchmarks and dict(w.args) == dict(claim.args)
    ]
    if not fitting:
        others = sorted({b for w in all_weights for b in w.benchmarks})
        have = f"; those here are for {', '.join(others)}" if others else ""
        return row(claim, "not run", why=f"no weights for {claim.benchmark}{have}")
    try:
        found = evaluate(fitting[0], BENCHMARKS[claim.benchmark], data, advance)
    except NoDataError as error:
        return row(claim, "not run", why=str(error))
    wrong = sum(predicted != label for predicted, label in found.values())
    same = fitting[0].relation in ("official", "port")
    return judge_error(claim, wrong, len(found), same_weights=same)


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

    A name is a model (or a pattern), a room, or an arXiv number. Raises UnknownNameError.
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
        claims = [claim for claim in paper.claims if claim.model in chosen]
        weights = [w for w in paper.weights if w.name in chosen]
        if claims or weights:
            found.append((paper, claims, weights))
    for name in set(asked) - matched:
        if not any(character in name for character in "*?["):
            registry.variant(name.partition(".")[0])
        raise registry.UnknownNameError(f"no paper claims anything about {name!r}")
    return found


def _fits(model: str, pattern: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(model.partition(".")[0], pattern)


def check(
    *names: str, data: str | Path | None = None, advance: Advance = lambda what: None
) -> list[Verdict]:
    """Holds the claims on `names` (models, patterns, rooms, arXiv numbers; all by default)
    against what is counted and measured now. `data` is a folder of data sets, one folder each;
    `advance` hears what each step is about. Raises UnknownNameError.
    """
    folder = Path(data) if data else None
    rows: list[Verdict] = []
    for paper, claims, weights in wanted(names):
        runs = recorded_runs(paper.id)
        judges: dict[str, Callable[[Claim], Verdict]] = {
            "counted": partial(counted, paper=paper),
            "measured": partial(measured, data=folder, advance=advance),
            "relative": partial(judge_relative, runs=runs),
        }
        for claim in claims:
            advance(f"{paper.id}: {claim.model}")
            rows.append(judges[claim.kind](claim))
        rows += [row for w in weights for row in bundled(w, advance)]
    return rows
