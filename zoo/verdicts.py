"""Claims against measurements -> verdicts. Here what the papers say meets what the code does.

kept | missed | better than reported | undecided | not run (and why) | protocol unknown
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from zoo import literature, registry
from zoo.benchmarks import BENCHMARKS, Benchmark, NoData
from zoo.literature import ROOMS, Claim, Paper, Weights

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
FEW_IMAGES = 5  # the same weights on another machine may differ by this many

Advance = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One row of the report: what is claimed, what came out, and how that compares.

    `claimed` and `measured` are as shown; `interval` is of 95 %, in the metric's unit; `why` says
    why a row was not run, or what explains a miss (then `explained` is true).
    """

    paper: str
    kind: str
    model: str
    metric: str
    where: str
    claimed: str
    status: str
    measured: str = ""
    interval: tuple[float, float] | None = None
    why: str = ""
    explained: bool = False

    @property
    def fails(self) -> bool:
        """A miss that nothing recorded explains."""
        return self.status == "missed" and not self.explained


def agrees(measured: int, claim: Claim) -> bool:
    """Whether a count comes out as printed: rounded, or cut off, at the printed decimals."""
    assert claim.value is not None
    exact = Decimal(measured) / UNITS[claim.unit]
    if claim.tolerance is not None:
        return abs(exact - claim.value) <= claim.tolerance
    step = Decimal(1).scaleb(int(claim.value.as_tuple().exponent))
    return any(exact.quantize(step, rule) == claim.value for rule in (ROUND_HALF_UP, ROUND_DOWN))


@cache
def _counts(model: str, args: str) -> Any:
    from zoo.benchmarks.counts import count

    entry = registry.variant(model)
    overrides = json.loads(args)
    network = registry.network(model, device="meta", **overrides)
    return count(network, entry.cfg["input_size"])


def counted(claim: Claim, paper: Paper) -> Verdict:
    """The verdict on a counted claim, from the network itself."""
    number = getattr(_counts(claim.model, json.dumps(dict(claim.args), sort_keys=True)), claim.metric)
    if agrees(number, claim):
        return _row(claim, "kept", measured=f"{number:,}")
    reason = _explanation(claim, paper)
    return _row(claim, "missed", measured=f"{number:,}", why=reason, explained=bool(reason))


def _explanation(claim: Claim, paper: Paper) -> str:
    for entry in (*paper.deviations, *paper.contradictions):
        if entry.id == claim.explained_by:
            return f"{entry.id}: {entry.what}"
    return ""


def judge_error(claim: Claim, wrong: int, total: int, *, same_weights: bool) -> Verdict:
    """The verdict on an error rate that was measured on `total` samples.

    The authors' weights must agree within a few images; weights that were trained again, within
    the binomial interval of the measurement, widened by the printed spread over seeds.
    """
    from zoo.benchmarks.classification import interval

    assert claim.value is not None
    measured, printed = 100 * wrong / total, float(claim.value)
    half_digit = 0.5 * 10.0 ** int(claim.value.as_tuple().exponent)
    if same_weights:
        slack = 100 * FEW_IMAGES / total + half_digit
        low, high = measured - slack, measured + slack
    else:
        spread = 1.96 * float(claim.std or 0) + half_digit
        low, high = interval(wrong, total)
        low, high = low - spread, high + spread
    status = "kept" if low <= printed <= high else "missed"
    if status == "missed" and measured < printed:
        status = "better than reported"
    shown = f"{measured:.2f} % ({wrong:,} of {total:,} wrong)"
    return _row(claim, status, measured=shown, interval=(low, high))


def measured(claim: Claim, data: Path | None, advance: Advance) -> Verdict:
    """The verdict on a measured claim: evaluated now if its weights and data are here."""
    if claim.variant:
        return _row(claim, "not run", why="the zoo does not build this variation of the network")
    if claim.metric not in ("error",):
        return _row(claim, "not run", why=f"the zoo does not measure {claim.metric} yet")
    if claim.benchmark not in BENCHMARKS:
        return _row(claim, "not run", why=f"the zoo has no benchmark {claim.benchmark} yet")
    if not claim.protocol:
        return _row(claim, "protocol unknown")
    all_weights = registry.weights_of(claim.model)
    fitting = [
        w for w in all_weights if claim.benchmark in w.benchmarks and dict(w.args) == dict(claim.args)
    ]
    if not fitting:
        others = sorted({b for w in all_weights for b in w.benchmarks})
        have = f"; those here are for {', '.join(others)}" if others else ""
        return _row(claim, "not run", why=f"no weights for {claim.benchmark}{have}")
    try:
        found = evaluate(fitting[0], BENCHMARKS[claim.benchmark], data, advance)
    except NoData as error:
        return _row(claim, "not run", why=str(error))
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


def relative(claim: Claim, runs: Iterable[Mapping[str, Any]]) -> Verdict:
    """The verdict on "A is better than B", from runs that were recorded seed by seed."""
    by_model: dict[str, dict[int, float]] = {}
    for run in runs:
        if claim.benchmark in run and not claim.args and not claim.than_args:
            wrong, total = run[claim.benchmark]
            by_model.setdefault(run["model"], {})[run["seed"]] = 100 * wrong / total
    left, right = by_model.get(claim.model, {}), by_model.get(claim.than, {})
    seeds = sorted(left.keys() & right.keys())
    if len(seeds) < 2:
        why = f"nobody has trained both on {claim.benchmark} here"
        return _row(claim, "not run", why=why)
    differences = [left[seed] - right[seed] for seed in seeds]
    low, high = _t_interval(differences)
    status = "undecided"
    if low > 0 or high < 0:
        status = "kept" if (low > 0) == (claim.relation == ">") else "missed"
    shown = (
        f"{mean(left[s] for s in seeds):.2f} against {mean(right[s] for s in seeds):.2f} %, "
        f"difference {mean(differences):+.2f} [{low:+.2f}, {high:+.2f}], {len(seeds)} seeds"
    )
    return _row(claim, status, measured=shown, interval=(low, high))


def _t_interval(values: list[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean."""
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return mean(values) - half, mean(values) + half


def describe_claim(claim: Claim) -> tuple[str, str, str]:
    """(model with its arguments, metric, value) as shown in a table."""
    model = _call(claim.model, claim.args) + (f" [{claim.variant}]" if claim.variant else "")
    metric = f"{claim.metric} on {claim.benchmark}" if claim.benchmark else claim.metric
    if claim.kind == "relative":
        by = f" by {claim.value}" if claim.value is not None else ""
        return model, metric, f"{claim.relation} {_call(claim.than, claim.than_args)}{by}"
    value = f"{claim.value}{claim.unit}" + (" %" if claim.kind == "measured" else "")
    return model, metric, value + (f" ({claim.mean} ± {claim.std})" if claim.std is not None else "")


def _call(model: str, args: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{k}={list(v) if isinstance(v, tuple) else v}" for k, v in args.items())
    return f"{model}({shown})" if shown else model


def _row(claim: Claim, status: str, **values: Any) -> Verdict:
    model, metric, claimed = describe_claim(claim)
    return Verdict(
        paper=claim.paper,
        kind=claim.kind,
        model=model,
        metric=metric,
        where=claim.where,
        claimed=claimed,
        status=status,
        **values,
    )


def recorded_runs(room: str) -> list[dict[str, Any]]:
    """The training runs that eval/ recorded in a room."""
    path = ROOMS / room / "recorded.json"
    runs: list[dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    )
    return runs


def wanted(names: Iterable[str]) -> list[tuple[Paper, list[Claim], list[Weights]]]:
    """Papers with those of their claims and weights that `names` ask for (all, if there are none).

    A name is a model (or a pattern), a room, or an arXiv number. Raises UnknownName.
    """
    registry.check_claims()
    names = list(names)
    found = []
    matched: set[str] = set()
    for paper in literature.load_all():
        whole = {paper.id, paper.arxiv, paper.arxiv.partition("v")[0]} & set(names)
        matched |= whole

        def fits(model: str, whole: set[str] = whole) -> bool:
            hits = {name for name in names if fnmatchcase(model, name)}
            matched.update(hits)
            return bool(not names or whole or hits)

        claims = [claim for claim in paper.claims if fits(claim.model)]
        weights = [w for w in paper.weights if fits(w.model) or fits(w.name)]
        if claims or weights:
            found.append((paper, claims, weights))
    for name in set(names) - matched:
        if not any(character in name for character in "*?["):
            registry.variant(name.partition(".")[0])
        raise registry.UnknownName(f"no paper claims anything about {name!r}")
    return found


def check(
    *names: str, data: str | Path | None = None, advance: Advance = lambda what: None
) -> list[Verdict]:
    """Holds the claims on `names` (models, patterns, rooms, arXiv numbers; all by default)
    against what is counted and measured now. `data` is a folder of data sets, one folder each;
    `advance` hears what each step is about. Raises UnknownName.
    """
    folder = Path(data) if data else None
    rows: list[Verdict] = []
    for paper, claims, weights in wanted(names):
        runs = recorded_runs(paper.id)
        judges: dict[str, Callable[[Claim], Verdict]] = {
            "counted": lambda claim, paper=paper: counted(claim, paper),
            "measured": lambda claim: measured(claim, folder, advance),
            "relative": lambda claim, runs=runs: relative(claim, runs),
        }
        for claim in claims:
            advance(f"{paper.id}: {claim.model}")
            rows.append(judges[claim.kind](claim))
        rows += [row for w in weights for row in bundled(w, advance)]
    return rows
