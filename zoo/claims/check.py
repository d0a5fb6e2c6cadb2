"""Check claims: each is counted, measured or looked up, and judged.

names -> claims, weights -> plan -> records, added to a ledger -> verdicts
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from zoo.claims import judge
from zoo.claims.downloads import Download, default_data, fetch, plan_downloads
from zoo.claims.matching import collect_specs
from zoo.claims.measure import NoProgress, ProgressCallback, measure
from zoo.claims.plan import look_up
from zoo.claims.runs import judge_comparisons
from zoo.claims.selection import Selection, select
from zoo.claims.trained import judge_trained
from zoo.claims.verdict import NotRun, Reason, Status, Verdict
from zoo.claims.weights import check_bundled, list_scores
from zoo.distributed import ProcessGroup, init
from zoo.evaluation import ledger as ledgers
from zoo.evaluation.cluster import Cluster
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Ledger, Record
from zoo.evaluation.spec import EvalSpec
from zoo.papers.records import Claim
from zoo.papers.weights import Weights


def check(
    *names: str,
    data: str | Path | None = None,
    device: str = "auto",
    limit: int | None = None,
    precision: str = "fp32",
    batch_size: int | None = None,
    workers: int = 0,
    eager: bool = False,
    backend: str = "eager",
    skip_broken: bool = False,
    rerun: bool = False,
    processes: int | None = None,
    download: bool | Literal["all"] = False,
    cluster: Cluster | None = None,
    ledger: Ledger | None = None,
    on_progress: ProgressCallback | None = None,
) -> list[Verdict]:
    """Compare papers' reported numbers with counts and measurements.

    New measurements are added to the ledger as soon as they are done.

    Args:
        names: Models, weights, patterns of either, paper ids or arXiv numbers; everything if empty.
        data: Folder with one folder per data set.
        device: "cpu", "cuda", "mps", "xpu", or "auto" for the accelerator that torch sees.
        limit: Evaluate only the first samples: a smoke run, which judges no claim.
        precision: "fp32", "bf16" or "fp16".
        batch_size: Samples per batch; by default what suits the task.
        workers: Processes that decode images.
        eager: Run networks as they are defined: no folded BatchNorm, no channels-last layout.
        backend: What runs the networks: "eager", "inductor", "onnxruntime", "openvino" or
            "tensorrt", as zoo.optimize has them. Records of each stand for themselves.
        skip_broken: Leave out samples that cannot be read, instead of stopping.
        rerun: Repeat evaluations that already have a record on this machine.
        processes: Fail unless exactly this number of processes was launched.
        download: Download data, and the first weights that may judge each claim; "all" for all
            of them. Without `data`, data goes to ZOO_DATA or zoo/data in HF_HOME.
        cluster: Ray cluster on which each evaluation is one task; None for this process.
        ledger: Where records go; by default this machine's own ledger.
        on_progress: Notified of the plan and of each step.

    Returns:
        A verdict per claim and per score of bundled weights, paper by paper; an empty list on all
        processes but the main one.

    Raises:
        UnknownNameError: If a name matches nothing.
        LookupError: If there is no verdict on these names.
        ValueError: For an invalid option, or a sample that cannot be read.

    Example:
        >>> import zoo
        >>> verdict = next(v for v in zoo.check("wrn28_10") if v.metric == "params")
        >>> verdict.claimed, verdict.measured, verdict.status.value
        ('36.5M', '36,479,194', 'reproduced')
    """
    config = EvalConfig(
        precision=precision,
        batch_size=batch_size or 0,
        workers=workers,
        eager=eager,
        backend=backend,
        limit=limit or 0,
        skip_broken=skip_broken,
    )
    selection, group = select(names), init(device, processes or 0)
    ledger, progress = ledger or ledgers.own(), on_progress or NoProgress()
    own, published = ledger.records(), ledgers.published().records()
    data = Path(data) if data else default_data() if download else None
    if download and data:
        planned = partial(plan_downloads, selection, data, precision, own, backend=backend)
        _download(partial(planned, every=download == "all"), group, progress)
    evaluations = measure(
        _specs(selection),
        data,
        group,
        config,
        own=own,
        published=published,
        rerun=rerun,
        cluster=cluster,
        ledger=ledger,
        progress=progress,
    )
    if not group.is_main:
        return []
    runs = ([], []) if limit else (published, own)
    verdicts = list(_verdicts(selection, evaluations, runs, progress))
    if not verdicts:
        reasons = dict.fromkeys(str(e.not_run) for e in evaluations.values() if e.not_run)
        why = "; ".join(reasons) or "no paper claims anything"
        raise LookupError(f"no verdict on {', '.join(names)}: {why}")
    return verdicts


def _download(
    plan: Callable[[], list[Download]], group: ProcessGroup, progress: ProgressCallback
) -> None:
    """Download weights and data on the main process; the others wait."""
    error = None
    if group.is_main:
        try:
            planned = plan()
            progress.downloads(planned)
            fetch(planned)
        except Exception as raised:
            error = raised
    group.raise_everywhere(error)


def verdicts_from_records(*names: str) -> list[Verdict]:
    """Return the verdicts on names from counts.json and the ledgers alone: nothing is measured."""
    published, own = ledgers.published().records(), ledgers.own().records()
    selection = select(names)
    evaluations = look_up(_specs(selection), [*published, *own])
    return list(_verdicts(selection, evaluations, (published, own)))


def _specs(selection: Selection) -> list[EvalSpec]:
    claims = (claim for _, claims, _ in selection for claim in claims)
    return collect_specs(claims, [w for _, _, weights in selection for w in weights])


def _verdicts(
    selection: Selection,
    evaluations: judge.Evaluations,
    runs: tuple[Sequence[Record], Sequence[Record]],
    progress: ProgressCallback | None = None,
) -> Iterator[Verdict]:
    """Yield verdicts paper by paper. Without `progress`, counts are those of counts.json.

    `runs` are the records of the published ledger, and of one's own.
    """
    for paper, claims, weights in selection:
        by_runs = judge_comparisons(paper, *runs) | judge_trained(paper, *runs)
        for claim in claims:
            if progress:
                progress.counting(f"{paper.id}: {claim.model}")
            yield _judge(claim, evaluations, by_runs, weights, recount=progress is not None)
        for each in weights:
            if each.paper == paper.id:
                list_verdicts = check_bundled if each.bundled else list_scores
                yield from map(_without_smoke_run, list_verdicts(each, evaluations))


def _judge(
    claim: Claim,
    evaluations: judge.Evaluations,
    by_runs: Mapping[object, Verdict],
    among: Sequence[Weights],
    recount: bool,
) -> Verdict:
    if claim.kind == "counted":
        return judge.counted(claim, recount)
    if claim.compares:
        return judge.relative(claim, by_runs, recount)
    if claim.key in by_runs:
        return by_runs[claim.key]
    return _without_smoke_run(judge.measured(claim, evaluations, among))


def _without_smoke_run(verdict: Verdict) -> Verdict:
    """Return a verdict, or not run if it follows from a smoke run, whose record has no id."""
    if not verdict.measured or verdict.record:
        return verdict
    cause = NotRun(Reason.SMOKE_RUN)
    return replace(verdict, status=Status.NOT_RUN, reason=cause.reason, why=str(cause))
