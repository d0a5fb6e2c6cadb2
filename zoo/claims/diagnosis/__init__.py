"""Diagnosis of a differing score: known causes are tried one at a time on the same weights.

weights, benchmark -> score -> the score by each cause -> those that give the reported number
"""

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

from zoo.claims.diagnosis.causes import Cause, Measured, Target, UserSettings, select_causes
from zoo.claims.diagnosis.explanation import CauseResult, Explanation, rounding
from zoo.claims.diagnosis.reference import find_benchmark, find_weights, look_up
from zoo.data.benchmarks import Benchmark
from zoo.evaluation import tasks
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.models._registry import ModelEntry, get_entry

__all__ = ["CauseResult", "Explanation", "Search", "explain"]
OnProgress = Callable[[int, int, str], None]


class Search:
    """Scores of a target by its causes, compared with a reported number if there is one."""

    def __init__(
        self, target: Target, metric: str, reported: Decimal | None, on_progress: OnProgress
    ) -> None:
        self.target, self.metric, self.reported = target, metric, reported
        self.on_progress = on_progress
        self.correct = target.measure(target.base, metric)
        self.results: list[tuple[Cause, Measured]] = []
        self.not_tried: list[str] = []

    def distance(self, value: float) -> float:
        """Return the distance to the reported number; without one, how little a score moved."""
        if self.reported is None:
            return -abs(value - self.correct.value)
        return abs(value - float(self.reported))

    def fits(self, measured: Measured) -> bool:
        """True if a score is the reported number."""
        reported = self.reported
        return reported is not None and measured.off(float(reported)) <= rounding(reported)

    @property
    def explained(self) -> bool:
        """True if the correct score, or the score by a cause, is the reported number."""
        return self.fits(self.correct) or any(self.fits(measured) for _, measured in self.results)

    def try_causes(self, causes: Sequence[Cause]) -> None:
        """Measure with each cause."""
        for done, cause in enumerate(causes):
            self.on_progress(done, len(causes), cause.phrase)
            setting = replace(self.target.base, **cause.changes)
            try:
                self.results.append((cause, self.target.measure(setting, self.metric)))
            except (ValueError, RuntimeError) as error:  # other tensors, or not for a CPU
                self.not_tried.append(f"{cause.phrase}: {str(error).partition(chr(10))[0]}")
        self.on_progress(len(causes), len(causes), "")

    def likely_pairs(self, most: int) -> list[Cause]:
        """Return pairs of causes that each matter and change different things, at most `most`:
        those whose added effects come nearest to the reported number."""
        effects = {c.phrase: m.value - self.correct.value for c, m in self.results}
        causes = [c for c, m in self.results if abs(effects[c.phrase]) > m.slack]
        pairs = [
            (a, b)
            for a, b in combinations(causes, 2)
            if a.group != b.group and not a.changes.keys() & b.changes.keys()
        ]

        def distance(pair: tuple[Cause, Cause]) -> float:
            return self.distance(self.correct.value + sum(effects[c.phrase] for c in pair))

        return [a.combine(b) for a, b in sorted(pairs, key=distance)[:most]]

    def rows(self) -> list[CauseResult]:
        """Return the causes that change the score, the nearest to the reported number first."""

        def rank(result: tuple[Cause, Measured]) -> float:
            value = result[1].value
            return math.inf if math.isnan(value) else self.distance(value)

        moving = [(c, m) for c, m in self.results if m.value != self.correct.value]
        return [
            CauseResult(
                cause=cause.phrase,
                group=cause.group,
                score=measured.value,
                difference=measured.value - self.correct.value,
                slack=measured.slack,
                explains=self.fits(measured),
            )
            for cause, measured in sorted(moving, key=rank)
        ]

    def explanation(self, name: str, benchmark: str, source: str) -> Explanation:
        """Return the outcome; `source` says whose number was reported."""
        target, rows = self.target, self.rows()
        group = next((row.group for row in rows if row.explains), "")
        return Explanation(
            name=name,
            benchmark=benchmark,
            metric=self.metric,
            score=self.correct.value,
            reported=self.reported,
            source=source,
            fits=self.fits(self.correct),
            samples=target.samples,
            whole=target.whole,
            unit=target.unit,
            broken=target.broken,
            tried=tuple(rows),
            without_effect=tuple(
                cause.phrase
                for cause, measured in self.results
                if measured.value == self.correct.value and cause.group != "network"  # as built
            ),
            not_tried=tuple(self.not_tried),
            right=target.right.get(group, ""),
        )


def explain(
    name: str,
    benchmark: str = "",
    reported: str | float | Decimal | None = None,
    metric: str = "",
    data: str | Path | None = None,
    *,
    args: Mapping[str, Any] | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    groups: Sequence[str] = (),
    limit: int | None = None,
    pairs: int = 10,
    on_progress: OnProgress = lambda done, total, cause: None,
) -> Explanation:
    """Find the known causes that bring the score of weights to a reported number.

    If no cause alone gives the number, the likeliest pairs of causes are tried.

    Args:
        name: "arch.tag", "arch", a file or a repository.
        benchmark: Id of a benchmark; by default the first that the weights may be judged on.
        reported: Number to explain, with the digits that were printed; by default the paper's, or
            else the recorded one.
        metric: accuracy, error, psnr, ssim, loss, ...; by default that of the number.
        data: Folder with one folder per data set.
        args: Arguments of zoo.create for a file that the zoo does not know.
        preprocessing: mean, std, ... of a classifier that the zoo does not know.
        groups: Try only these groups of causes.
        limit: Evaluate about this many samples, spread evenly; by default all.
        pairs: Number of pairs to try.
        on_progress: Called with (causes done, all causes, the next cause).

    Returns:
        The correct score, the score with each cause, and which causes explain the number.

    Raises:
        LookupError: For unknown names, or data that is not here.
        ValueError: For a benchmark, metric or number that does not fit.

    Example:
        >>> import zoo
        >>> zoo.explain("resnet20.zoo_digits", "digits/test", 99.44, groups=["labels"]).fits
        True
    """
    number = _decimal(reported)
    weights = find_weights(name)
    chosen = find_benchmark(name, weights, benchmark)
    model: Any = create(name, pretrained=True, **(args or {}))
    entry = get_entry(pretrained_cfg(model)["architecture"])
    target_class = _target_class(name, entry, chosen)
    reference = look_up(weights, chosen.id, metric, target_class.metrics)
    if number is not None:
        metric = metric or target_class.metrics[0]
        reference = reference._replace(number=number, metric=metric, source="")
    settings = UserSettings(args or {}, preprocessing or {}, reference.protocol, limit or 0)
    samples = chosen.open(Path(data) if data else None)
    target: Target = target_class(name, model, chosen, samples, settings)
    search = Search(target, reference.metric, reference.number, on_progress)
    search.try_causes(select_causes(target, groups))
    if number is not None and not search.explained:
        search.try_causes(search.likely_pairs(pairs))
    return search.explanation(name, chosen.id, reference.source)


def _decimal(number: str | float | Decimal | None) -> Decimal | None:
    """Return a number as it was printed. Raises ValueError for anything else."""
    try:
        value = None if number is None else Decimal(str(number))
    except InvalidOperation:
        value = Decimal("nan")
    if value is not None and not value.is_finite():
        raise ValueError(f"a number is one like 91.2, with the digits that were printed: {number}")
    return value


def _target_class(name: str, entry: ModelEntry, benchmark: Benchmark) -> Any:
    """Return the TARGET of the task's module here. Raises ValueError for another task's
    benchmark, or a task without known causes."""
    task = tasks.task_of(entry)
    if benchmark.task != task.name:
        raise ValueError(
            f"{benchmark.id} is not for {name}, which {task.summary}; --benchmark names another"
        )
    module = f"{__name__}.{task.name.replace('-', '_')}"
    if find_spec(module) is None:
        raise ValueError(f"{name} {task.summary}, and no causes are known for that yet")
    return importlib.import_module(module).TARGET
