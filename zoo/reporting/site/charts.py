"""Charts of the site, as Vega-Lite specifications.

rows -> size against score, with its Pareto front
training records -> curves by epoch
points that networks drew -> a panel of each
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from zoo.evaluation.ledger import Record
from zoo.reporting.site.rows import VerdictRow, falls, number, slug
from zoo.reporting.site.vega import WIDE, Mark, svg

SOURCES = {"the paper's": "circle", "a provider's": "square", "measured here": "diamond"}
UNITS = {"psnr": "PSNR (dB)", "ssim": "SSIM"}
NOT_CURVES = ("epoch", "step", "lr", "seconds")
FEWEST = 3  # networks that make a chart of sizes and scores


@dataclass(frozen=True)
class Figure:
    """A chart with its title and caption."""

    title: str
    caption: str
    drawing: Markup


def axis(field: str, title: str, **scale: Any) -> dict[str, Any]:
    """Return a quantitative axis; a logarithmic one has few labels, as 10M."""
    is_log = scale.get("type") == "log"
    ticks = {"format": ".3~s", "tickCount": 5, "labelSeparation": 8} if is_log else {}
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"zero": False, "nice": False, "padding": 12, **scale},
        "axis": {"title": title, **ticks},
    }


@dataclass(frozen=True)
class Point:
    """A network's size and one score of it."""

    line: VerdictRow
    size: int
    score: float
    source: str


def score_name(line: VerdictRow) -> str:
    """Return the plotted metric: accuracies are plotted as errors."""
    assert line.verdict.claim
    metric = line.verdict.claim.metric
    return metric.replace("accuracy", "error")


def frontiers(
    benchmark: str,
    lines: Iterable[VerdictRow],
    counts: Mapping[str, Mapping[str, int | None]],
    root: str,
) -> list[Figure]:
    """Plot parameters and multiply-adds against the most frequent metric of a benchmark, with the
    Pareto front of the papers' claims. `counts` are by model."""
    measured = [line for line in lines if line.plain and line.verdict.kind == "measured"]
    if not measured:
        return []
    metric = Counter(map(score_name, measured)).most_common(1)[0][0]
    same = [line for line in measured if score_name(line) == metric]
    figures = []
    for key, unit in (("params", "parameters"), ("macs", "multiply-adds")):
        sizes = {name: count[key] or 0 for name, count in counts.items()}
        points = [p for line in same for p in _points(line, sizes.get(line.name, 0)) if p.size]
        if len({point.line.name for point in points}) >= FEWEST:
            figures.append(_frontier(f"{unit} against {metric} on {benchmark}", points, unit, root))
    return figures


def _points(line: VerdictRow, size: int) -> list[Point]:
    claim = line.verdict.claim
    assert claim
    sides = {
        "the paper's": line.claimed_number,
        "a provider's": number(line.verdict.provider),
        "measured here": line.measured_number,
    }
    flip = "accuracy" in claim.metric
    return [
        Point(line, size, 100 - score if flip else score, source)
        for source, score in sides.items()
        if score is not None
    ]


def front(points: Iterable[Point], lower: bool) -> list[Point]:
    """Return the Pareto front by size."""
    best: list[Point] = []
    sign = 1 if lower else -1
    for point in sorted(points, key=lambda p: (p.size, sign * p.score)):
        if not best or sign * point.score < sign * best[-1].score:
            best.append(point)
    return best


def _frontier(title: str, points: Sequence[Point], unit: str, root: str) -> Figure:
    metric = score_name(points[0].line)
    claimed = front((p for p in points if p.source == "the paper's"), falls(metric))
    marks = [
        Mark(
            f"{p.line.verdict.model}: {p.score:g} with {p.size:,} {unit}, {p.source} "
            f"({p.line.verdict.paper}, {p.line.verdict.where})",
            f"models/{slug(p.line.name)}.html#{p.line.id}",
        )
        for p in points
    ]
    data = [
        {"x": p.size, "y": p.score, "s": p.source, "p": p.line.verdict.paper, "n": str(n)}
        for n, p in enumerate(points)
    ]
    sizes = [p.size for p in points]
    domain = [min(sizes) / 1.3, max(sizes) * 1.3]  # wide enough for labels where all are as large
    axes = {
        "x": axis("x", unit, type="log", domain=domain),
        "y": axis("y", UNITS.get(metric, f"{metric} (%)" if "error" in metric else metric)),
    }
    sources = [source for source in SOURCES if source in {p.source for p in points}]
    shapes = {"domain": sources, "range": [SOURCES[source] for source in sources]}
    steps = {
        "data": {"values": [{"x": p.size, "y": p.score} for p in claimed]},
        "mark": {"type": "line", "interpolate": "step-after", "color": "var(--muted)"},
        "encoding": axes,
    }
    dots = {
        "data": {"values": data},
        "mark": {"type": "point", "opacity": 1, "size": 50, "strokeWidth": 1.5},
        "encoding": {
            **axes,
            "shape": {"field": "s", "type": "nominal", "scale": shapes},
            "color": _palette("p", [p.line.verdict.paper for p in points]),
            "description": {"field": "n", "type": "nominal"},
        },
    }
    best = ", ".join(dict.fromkeys(p.line.name for p in claimed))
    return Figure(
        title=title[0].upper() + title[1:],
        caption=f"By each paper's own protocol. The front of what papers claim: {best}.",
        drawing=svg({"layer": [steps, dots]}, f"{title}: {len(points)} points", marks, root),
    )


def _palette(field: str, values: Iterable[str]) -> dict[str, Any]:
    """Give each value one of the theme's eight colours, in order."""
    domain = list(dict.fromkeys(values))
    colours = [f"var(--series-{n % 8})" for n in range(len(domain))]
    scale = {"domain": domain, "range": colours}
    return {"field": field, "type": "nominal", "scale": scale}


def curves(trainings: Sequence[Record], root: str = "") -> list[Figure]:
    """Plot each quantity of the training histories by epoch."""
    recorded = [key for r in trainings for row in r["history"] for key in row]
    keys = [key for key in dict.fromkeys(recorded) if key not in NOT_CURVES]
    return [figure for key in keys if (figure := _curve(key, trainings, root))]


def _curve(key: str, trainings: Sequence[Record], root: str) -> Figure | None:
    runs = [(r, [row for row in r["history"] if key in row]) for r in trainings]
    runs = [(record, rows) for record, rows in runs if len(rows) > 1]
    if not runs:
        return None
    values = [
        {"x": row.get("epoch", n), "y": row[key], "m": record["recipe"], "n": str(run)}
        for run, (record, rows) in enumerate(runs)
        for n, row in enumerate(rows)
    ]
    kind = "log" if key == "loss" and all(v["y"] > 0 for v in values) else "linear"
    marks = [
        Mark(f"{r['recipe']}, seed {r['seed']}", f"models/{slug(r['model'])}.html") for r, _ in runs
    ]
    recipes = [record["recipe"] for record, _ in runs]
    models = [record["model"] for record, _ in runs]
    spec = {
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": axis("x", "epoch", padding=4) | {"axis": {"tickMinStep": 1, "title": "epoch"}},
            "y": axis("y", key, type=kind) | {"axis": {"title": key, "format": "~r"}},
            "color": _palette("m", recipes),
            "strokeDash": {"field": "m", "type": "nominal", "scale": {"domain": _once(recipes)}},
            "detail": {"field": "n", "type": "nominal"},
            "description": {"field": "n", "type": "nominal"},
        },
    }
    names = ", ".join(_once(models))
    return Figure(
        title=f"{key.capitalize()} while training",
        caption=f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}, a line each: {names}.",
        drawing=svg(spec, f"{key} by epoch of {names}", marks, root),
    )


def samples(drawn: Mapping[str, Any]) -> Figure:
    """Plot points that trained networks drew, a panel each, beside those of the data.

    Args:
        drawn: "dataset", "seed", "made_by", and "panels", {title: [[x, y], ...]}, the data first.
    """
    panels = drawn["panels"]
    values = [{"x": x, "y": y, "p": title} for title in panels for x, y in panels[title]]
    reach = 1.25 * max(abs(number) for point in panels[next(iter(panels))] for number in point)
    plain = {"axis": None, "scale": {"domain": [-reach, reach], "clamp": True}}
    spec = {
        "data": {"values": values},
        "columns": 2,
        "facet": {
            "field": "p",
            "type": "nominal",
            "sort": list(panels),
            "header": {"title": None, "labelColor": "var(--ink)", "labelFontSize": WIDE},
        },
        "spec": {
            **dict.fromkeys(("width", "height"), 220),
            "mark": {"type": "square", "size": 6, "opacity": 1, "color": "var(--series-0)"},
            "encoding": {
                key: {"field": key, "type": "quantitative", **plain} for key in ("x", "y")
            },
        },
    }
    title = f"Samples of small networks trained on {drawn['dataset']}"
    return Figure(
        title=title,
        caption=(
            f"A small-scale trial, by {drawn['made_by']} with seed {drawn['seed']}: "
            f"{len(values) // len(panels)} points a panel, on its edge if they are beyond it."
        ),
        drawing=svg(spec, f"{title}: {', '.join(panels)}"),
    )


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
