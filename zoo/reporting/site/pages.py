"""The pages of the site, each from a template."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from zoo import __version__
from zoo._io import read_json
from zoo.claims.tally import tally
from zoo.claims.verdict import Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.ledger import Record
from zoo.models._catalog import describe, list_models, list_papers
from zoo.papers.records import Paper
from zoo.papers.weights import MODELS_DIR
from zoo.reporting import bench
from zoo.reporting.columns import short
from zoo.reporting.site import charts
from zoo.reporting.site.deviations import deviation_sizes, deviations
from zoo.reporting.site.image_comparison import Comparison
from zoo.reporting.site.measurements import by_recipe, latest_records, rank
from zoo.reporting.site.networks import picture
from zoo.reporting.site.overview import PaperSummary, chain_heads, search_script
from zoo.reporting.site.rows import VerdictRow, best_first, by_place, is_claim, slug

STATIC = Path(__file__).parent / "static"
Page = tuple[str, bytes]


class Site:
    """The site; `files` yields every file of it."""

    def __init__(
        self,
        rows: Sequence[Verdict],
        records: Sequence[Record],
        comparisons: Mapping[str, Comparison],
    ) -> None:
        self.lines = [VerdictRow(row) for row in rows]
        self.claims = [line for line in self.lines if is_claim(line)]
        self.papers = {paper.id: paper for paper in list_papers()}
        self.models = {name: describe(name) for name in list_models()}
        self.latest = latest_records(records, self.models)
        self.streams = bench.tables(records)
        self.records, self.heads = len(records), chain_heads(records)
        self.version = __version__
        self.date = max((str(record["date"]) for record in records), default="")[:10]
        self.comparisons = comparisons
        self.pages = Environment(
            loader=PackageLoader("zoo.reporting.site"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        self.pages.filters |= {"slug": slug, "short": short, "by_place": by_place}
        self.pages.globals["site"] = self

    def files(self) -> Iterator[Page]:
        """Yield (name, content) of every file."""
        for path in sorted(STATIC.iterdir()):
            yield path.name, path.read_bytes()
        yield self._front()
        yield self._page("about.html", "about.html.j2")
        yield self._page(
            "deviations.html", "deviations.html.j2", figures=deviations(self.claims, "paper")
        )
        yield self._page("residual-streams.html", "residual_streams.html.j2", bench=bench)
        for paper, lines in self.by_paper.items():
            yield f"claims/{slug(paper)}.js", search_script(lines).encode()
        yield from map(self._paper, self.papers.values())
        yield from map(self._model, self.models)
        yield from map(self._benchmark, self.benchmarks)
        for record_id, text in self.latest.files.items():
            yield f"records/{record_id}.json", text.encode()
        for weights, comparison in self.comparisons.items():
            for name, image in comparison.files.items():
                yield f"images/{slug(weights)}-{name}.webp", image

    def _page(self, file: str, template: str, **values: Any) -> Page:
        root = "../" * file.count("/")
        text = self.pages.get_template(template).render(root=root, **values)
        return file, text.encode()

    @cached_property
    def benchmarks(self) -> list[str]:
        """Benchmarks with claims or measurements, the zoo's first."""
        names = {line.benchmark for line in self.claims if line.benchmark} | set(
            self.latest.by_benchmark
        )
        return sorted(names, key=lambda name: (name not in BENCHMARKS, name))

    @cached_property
    def by_paper(self) -> dict[str, list[VerdictRow]]:
        """The claims of each paper, the oldest paper first."""
        order = sorted(self.papers.values(), key=lambda paper: (paper.year, paper.title))
        claims: dict[str, list[VerdictRow]] = {paper.id: [] for paper in order}
        for line in self.claims:
            claims[line.verdict.paper].append(line)
        return claims

    def _front(self) -> Page:
        return self._page(
            "index.html",
            "index.html.j2",
            sums=list(tally(line.verdict for line in self.claims).lines()),
            statuses=sorted({line.verdict.status for line in self.claims}),
            papers=[PaperSummary(self.papers[name], own) for name, own in self.by_paper.items()],
            figures=deviation_sizes(self.claims),
        )

    def _paper(self, paper: Paper) -> Page:
        lines = [line for line in self.lines if line.verdict.paper == paper.id]
        claims = [line for line in lines if is_claim(line)]
        names = [name for name, d in self.models.items() if d.paper is paper]
        targets = dict.fromkeys(self.models[name].target for name in names)
        samples = MODELS_DIR / paper.id / "samples.json"  # written by a script of eval/
        return self._page(
            f"papers/{slug(paper.id)}.html",
            "paper.html.j2",
            paper=paper,
            claims=claims,
            others=[line for line in lines if not is_claim(line)],
            names=names,
            pictures={t.partition(":")[2]: picture(t) for t in targets if picture(t)},
            sums=list(tally(line.verdict for line in claims).lines()),
            figures=deviations(claims, by="where", here=True),
            samples=[charts.samples(read_json(samples))] if samples.is_file() else [],
        )

    def _model(self, name: str) -> Page:
        description = self.models[name]
        lines = [line for line in self.lines if line.model == name]
        return self._page(
            f"models/{slug(name)}.html",
            "model.html.j2",
            d=description,
            claims=[line for line in lines if is_claim(line)],
            others=[line for line in lines if not is_claim(line)],
            evaluations=self.latest.evaluations.get(name, []),
            picture=picture(description.target),
            figures=charts.curves(self.latest.trainings.get(name, []), "../"),
            trainings=self.latest.trainings.get(name, []),
            comparisons=[c for w, c in self.comparisons.items() if w.partition(".")[0] == name],
        )

    def _benchmark(self, name: str) -> Page:
        lines = [line for line in self.claims if line.benchmark == name]
        counts = {n: {"params": d.params, "macs": d.macs} for n, d in self.models.items()}
        protocols = {
            (paper.id, line.verdict.claim.protocol): paper.protocols[line.verdict.claim.protocol]
            for line in lines
            for paper in [self.papers[line.verdict.paper]]
            if line.verdict.claim and line.verdict.claim.protocol
        }
        runs = [
            group
            for group in by_recipe(self.latest.trainings).values()
            if any(name in record["benchmarks"] for record in group)
        ]
        return self._page(
            f"benchmarks/{slug(name)}.html",
            "benchmark.html.j2",
            name=name,
            benchmark=BENCHMARKS.get(name),
            lines=best_first(lines),
            protocols=protocols,
            evaluations=sorted(self.latest.by_benchmark.get(name, []), key=rank),
            figures=charts.frontiers(name, lines, counts, "../"),
            curves=[figure for group in runs for figure in charts.curves(group, "../")],
        )
