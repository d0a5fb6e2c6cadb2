"""What a card sets side by side, from recorded data alone: nothing is measured or downloaded.

claims of paper.toml + counts.json, weights/NAME.json, recorded.json, eval/results/*.json -> rows
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zoo import api, checking, literature, measuring, registry
from zoo.benchmarks import BENCHMARKS
from zoo.literature import Claim
from zoo.pretrained import ANOTHER, Weights, WeightsError
from zoo.verdicts import Verdict, interval, judge_count, judge_error, judge_score, row

ROOT = Path(__file__).parent.parent.parent  # of the checkout, for eval/results and for links
RECORDED = "recorded"
OWN = "of the weights"  # what eval/classification.py calls the view of the weights' preprocessing
FORMS = {metric: form for metric, (form, _) in measuring.SHOWN.items()} | {"perplexity": "{:.4f}"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured once, of weights on a whole benchmark. `entry` is as recorded: right and
    total, or scores by metric; `record` is the file of the checkout that it stands in."""

    benchmark: str
    entry: Mapping[str, Any]
    record: str

    @property
    def protocol(self) -> str:
        """The paper's protocol, "room/name", if it went by one that a paper names."""
        given = self.entry.get("protocol", OWN)
        name: str = given.get("name", "") if isinstance(given, dict) else given
        return "" if name == OWN else name

    @property
    def details(self) -> dict[str, Any]:
        """What the protocol was, of an enlargement or of a reading."""
        given = self.entry.get("protocol")
        return {k: v for k, v in given.items() if k != "name"} if isinstance(given, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number that was measured here, as it is shown."""

    result: Result
    metric: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a card: the verdict on a `claim`, or a `score` that was recorded; and the file of
    the checkout that says so."""

    verdict: Verdict
    record: str = ""
    claim: Claim | None = None
    score: Score | None = None


def rows(weights: Weights) -> list[Row]:
    """What was measured of weights, then every claim of the papers on their architecture."""
    found = results(weights)
    claims = api.describe(weights.name).claims
    measured = [row for result in found for row in _scores(weights, result)]
    return [*measured, *(_judged(weights, claim, found) for claim in claims)]


def results(weights: Weights) -> list[Result]:
    """All that is recorded of weights, of the bytes that are pinned. Raises WeightsError for a
    record of other bytes beside bundled weights."""
    return [*_bundled(weights), *_ledger(weights)]


def made(weights: Weights) -> dict[str, Any]:
    """The record of how bundled weights were made; {} for others."""
    if not weights.bundled:
        return {}
    record: dict[str, Any] = json.loads(weights.record.read_text(encoding="utf-8"))
    if record["sha256"] != weights.sha256:
        raise WeightsError(f"{_in_checkout(weights.record)} is not of the bytes of {weights.name}")
    return record


def _bundled(weights: Weights) -> Iterator[Result]:
    for benchmark, entry in made(weights).get("benchmarks", {}).items():
        yield Result(benchmark=benchmark, entry=entry, record=_in_checkout(weights.record))


def _ledger(weights: Weights) -> Iterator[Result]:
    for path in sorted((ROOT / "eval" / "results").glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        same = entry.get("weights") == weights.name and entry.get("sha256") == weights.sha256
        if weights.sha256 and same and entry["data"] in BENCHMARKS and not entry.get("limit"):
            yield Result(benchmark=entry["data"], entry=entry, record=_in_checkout(path))


def _in_checkout(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _scores(weights: Weights, result: Result) -> Iterator[Row]:
    """The numbers of one result; an accuracy with its 95 % interval."""
    entry = result.entry
    if "right" in entry:
        right, total = entry["right"], entry["total"]
        low, high = interval(total - right, total)
        shown = f"{100 * right / total:.2f} % ({right:,} of {total:,} right)"
        yield _score(weights, result, "accuracy", shown, interval=(100 - high, 100 - low))
        return
    for metric in FORMS:
        if metric in entry:
            yield _score(weights, result, metric, FORMS[metric].format(entry[metric]))


def _score(weights: Weights, result: Result, metric: str, shown: str, **values: Any) -> Row:
    verdict = Verdict(
        paper=weights.paper,
        kind=RECORDED,
        model=weights.name,
        metric=f"{metric} on {result.benchmark}",
        where="",
        claimed="",
        status=RECORDED,
        measured=shown,
        **values,
    )
    score = Score(result=result, metric=metric, value=float(shown.split(maxsplit=1)[0]))
    return Row(verdict=verdict, record=result.record, score=score)


def _judged(weights: Weights, claim: Claim, found: Sequence[Result]) -> Row:
    room = f"zoo/families/{claim.paper}"
    if claim.kind == "measured":
        return _measured(weights, claim, found)
    if claim.kind == "counted":
        return _counted(weights, claim)
    verdict = checking.relative(claim, checking.recorded_runs(claim.paper))
    source = "formulas.py" if claim.formula else "recorded.json"
    return Row(verdict=verdict, claim=claim, record=f"{room}/{source}" if verdict.measured else "")


def _counted(weights: Weights, claim: Claim) -> Row:
    """By counts.json, or counted now if it has no such count: the same on every machine."""
    entry = registry.variant(claim.model)
    sized = claim.metric == "macs" and "fixed_input_size" in entry.cfg  # counted at 1280x720
    if claim.variant or claim.formula or claim.args or claim.input_size or sized:
        return Row(verdict=checking.counted(claim), claim=claim)
    verdict = judge_count(claim, registry.recorded_counts(entry)[claim.metric])
    record = f"zoo/families/{weights.paper}/counts.json"
    return Row(verdict=checking.explained(verdict, claim), claim=claim, record=record)


def _measured(weights: Weights, claim: Claim, found: Sequence[Result]) -> Row:
    fits = checking.judged_on(weights, claim)
    provider = checking.reported(claim.metric, [weights]) if fits else ""
    result = next((r for r in found if fits and _by_the_protocol(r, claim)), None)
    if why := checking.obstacle(claim):
        verdict = row(claim, "not run", why=why)
    elif not claim.protocol:
        verdict = row(claim, "protocol unknown")
    elif not result:
        verdict = row(claim, "not run", why=_why_not(weights, claim))
    else:
        verdict = _verdict(weights, claim, result)
    record = result.record if result and verdict.measured else ""
    return Row(verdict=replace(verdict, provider=provider), claim=claim, record=record)


def _verdict(weights: Weights, claim: Claim, result: Result) -> Verdict:
    same = weights.relation in ("official", "port")
    entry = result.entry
    if "right" in entry:
        wrong, total = entry["total"] - entry["right"], entry["total"]
        verdict = judge_error(claim, wrong, total, same_weights=same)
    else:
        verdict = judge_score(claim, entry[claim.metric], same_weights=same)
    if weights.relation == ANOTHER:
        return replace(verdict, why=f"{weights.name}: {ANOTHER}")
    return checking.explained(verdict, claim)


def _by_the_protocol(result: Result, claim: Claim) -> bool:
    """Whether a result is on a claim's benchmark and by its protocol: by name or in every detail,
    or by the weights' own view, which judged_on has compared."""
    paper = next(p for p in literature.load_all() if p.id == claim.paper)
    how = paper.upscaling.get(claim.protocol) or paper.reading.get(claim.protocol)
    if result.benchmark != claim.benchmark:
        return False
    if result.details:
        asked = json.loads(json.dumps(asdict(how))) if how else None
        return claim.metric in result.entry and result.details == asked
    return result.protocol in ("", f"{claim.paper}/{claim.protocol}")


def _why_not(weights: Weights, claim: Claim) -> str:
    """Why there is no result of these weights that a claim could be held against."""
    if dict(weights.args) != dict(claim.args):
        return "these weights are of the network with other arguments"
    if claim.benchmark not in weights.benchmarks:
        return f"these weights are for {', '.join(weights.benchmarks)}, not for this benchmark"
    if not checking.judged_on(weights, claim):
        return "these weights see images otherwise than this protocol shows them"
    return "no result of these weights on this benchmark, by this protocol, is recorded"
