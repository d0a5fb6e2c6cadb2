"""Why a number differs: known causes are tried one at a time on the same weights.

weights, benchmark -> score -> the score by each cause -> those that give the number
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import combinations
from pathlib import Path
from typing import Any

from zoo.claims.diagnosis.causes import Cause, Measured, Target, UserSettings, changed
from zoo.claims.diagnosis.explanation import CauseResult, Explanation, rounding
from zoo.claims.diagnosis.reference import benchmark_of, look_up, weights_of
from zoo.data.benchmarks import Benchmark
from zoo.evaluation import tasks
from zoo.models._builder import load_class
from zoo.models._factory import create
from zoo.models._registry import ModelEntry, get_entry

__all__ = ["Explanation", "Search", "Tried", "explain"]
Advance = Callable[[int, int, str], None]


class Search:
    """The scores of a subject by its causes, next to a number if there is one."""

    def __init__(
        self, subject: Target, metric: str, number: Decimal | None, advance: Advance
    ) -> None:
        self.subject, self.metric, self.number, self.advance = subject, metric, number, advance
        self.ours = subject.measure(subject.base, metric)
        self.found: list[tuple[Cause, Measured]] = []
        self.not_tried: list[str] = []

    def distance(self, value: float) -> float:
        """From the number; without one, how little a score was moved."""
        if self.number is None:
            return -abs(value - self.ours.value)
        return abs(value - float(self.number))

    def fits(self, measured: Measured) -> bool:
        """Whether a score is the number."""
        number = self.number
        return number is not None and measured.off(float(number)) <= rounding(number)

    @property
    def explained(self) -> bool:
        """Whether the score is the number, as it should be or by a cause."""
        return self.fits(self.ours) or any(self.fits(measured) for _, measured in self.found)

    def go_through(self, causes: Sequence[Cause]) -> None:
        """Measures with each cause."""
        for done, cause in enumerate(causes):
            self.advance(done, len(causes), cause.phrase)
            setting = replace(self.subject.base, **cause.changes)
            try:
                self.found.append((cause, self.subject.measure(setting, self.metric)))
            except (ValueError, RuntimeError) as error:  # other tensors, or nothing for a CPU
                self.not_tried.append(f"{cause.phrase}: {str(error).partition(chr(10))[0]}")
        self.advance(len(causes), len(causes), "")

    def likely_pairs(self, most: int) -> list[Cause]:
        """Causes that each matter, change different things and, if what they do adds up, come
        nearest."""
        moved = {c.phrase: m.value - self.ours.value for c, m in self.found}
        matter = [c for c, m in self.found if abs(moved[c.phrase]) > m.slack]
        pairs = [
            (a, b)
            for a, b in combinations(matter, 2)
            if a.group != b.group and not a.changes.keys() & b.changes.keys()
        ]

        def sum_of(pair: tuple[Cause, Cause]) -> float:
            return self.distance(self.ours.value + sum(moved[cause.phrase] for cause in pair))

        return [a.and_(b) for a, b in sorted(pairs, key=sum_of)[:most]]

    def rows(self) -> list[CauseResult]:
        """What changes the score, the nearest to the number first."""
        moving = [(c, m) for c, m in self.found if m.value != self.ours.value]
        return [
            CauseResult(
                cause=cause.phrase,
                group=cause.group,
                score=measured.value,
                difference=measured.value - self.ours.value,
                slack=measured.slack,
                explains=self.fits(measured),
            )
            for cause, measured in sorted(moving, key=lambda row: self._place(row[1].value))
        ]

    def _place(self, value: float) -> float:
        return math.inf if math.isnan(value) else self.distance(value)

    def explanation(self, name: str, benchmark: str, source: str) -> Explanation:
        """What came out; `source` says whose number it is."""
        subject, rows = self.subject, self.rows()
        first = next((row.group for row in rows if row.explains), "")
        return Explanation(
            name=name,
            benchmark=benchmark,
            metric=self.metric,
            score=self.ours.value,
            number=self.number,
            source=source,
            fits=self.fits(self.ours),
            samples=subject.samples,
            whole=subject.whole,
            unit=subject.unit,
            broken=subject.broken,
            tried=tuple(rows),
            without_effect=tuple(
                cause.phrase
                for cause, measured in self.found
                if measured.value == self.ours.value and cause.group != "network"  # as it is built
            ),
            not_tried=tuple(self.not_tried),
            right=subject.right.get(first, ""),
        )


def explain(
    name: str,
    on: str = "",
    number: str | float | Decimal | None = None,
    metric: str = "",
    data: str | Path | None = None,
    *,
    args: Mapping[str, Any] | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    groups: Sequence[str] = (),
    limit: int = 0,
    pairs: int = 10,
    advance: Advance = lambda done, total, what: None,
) -> Explanation:
    """Which known cause brings the score of weights ("arch.tag", "arch", a file, ...) on a
    benchmark to a `number`: one that somebody got, or by default a paper's, or what was recorded.

    >>> print(zoo.explain("resnet20.zoo_digits", "digits/test", 91.2).sentence)

    `args` (of zoo.create) and `preprocessing` (mean, std, ...) are those of a file that the zoo
    does not know; `groups` limits the causes, `limit` the samples. If no cause alone gives the
    number, the likeliest `pairs` are tried. `advance` hears how many causes are done, of how many.

    Raises LookupError for unknown names, or data that is not here; ValueError for a benchmark,
    metric or number that does not fit.
    """
    wanted = _decimal(number)
    weights = weights_of(name)
    benchmark = benchmark_of(name, weights, on)
    model: Any = create(name, pretrained=True, **(args or {}))
    kind = _kind(name, get_entry(vars(model)["pretrained_cfg"]["architecture"]), benchmark)
    known = look_up(weights, benchmark.id, metric, kind.metrics)
    if wanted is not None:
        known = known._replace(number=wanted, metric=metric or kind.metrics[0], source="")
    given = UserSettings(args or {}, preprocessing or {}, known.protocol, limit)
    samples = benchmark.open(Path(data) if data else None)
    subject: Target = kind(name, model, benchmark, samples, given)
    search = Search(subject, known.metric, known.number, advance)
    search.go_through(changed(subject, groups))
    if wanted is not None and not search.explained:
        search.go_through(search.likely_pairs(pairs))
    return search.explanation(name, benchmark.id, known.source)


def _decimal(number: str | float | Decimal | None) -> Decimal | None:
    """A number as it was printed. Raises ValueError for what is none."""
    try:
        value = None if number is None else Decimal(str(number))
    except InvalidOperation:
        value = Decimal("nan")
    if value is not None and not value.is_finite():
        raise ValueError(f"a number is one like 91.2, with the digits that were printed: {number}")
    return value


def _kind(name: str, entry: ModelEntry, benchmark: Benchmark) -> Any:
    """The subject of a network. Raises ValueError for a benchmark that is for others."""
    task = tasks.task_of(entry)
    if benchmark.task != task.name:
        raise ValueError(f"{benchmark.id} is not for {name}, which {task.does}; --on takes another")
    if not task.subject:
        raise ValueError(f"{name} {task.does}, and no causes are known for that yet")
    return load_class(task.subject)
