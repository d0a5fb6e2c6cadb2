"""A static site of what is claimed and what was measured: report."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from zoo.cli.app import app, progress
from zoo.evaluation import ledger
from zoo.models._catalog import list_papers


@app.command()
def report(
    out: Annotated[Path | None, typer.Option(help="Folder; an older report is replaced.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Open it in a browser.")] = False,
    port: Annotated[int, typer.Option(help="Of --serve; 0: any that is free.")] = 0,
    browser: Annotated[bool, typer.Option(help="Start a browser with --serve.")] = True,
) -> None:
    """Write pages of all claims, models and benchmarks, that need no server and no network."""
    if not (out or serve):
        raise ValueError("say --out DIR, --serve, or both")
    with TemporaryDirectory(prefix="zoo-report-") as folder:
        where = _write(out or Path(folder) / "site")
        if out:
            print(where / "index.html")
        if serve:
            _serve(where, port, browser)


def _write(out: Path) -> Path:
    from zoo.claims import check
    from zoo.reporting.site import build
    from zoo.reporting.site.image_comparison import comparable, compare

    with progress() as advance:
        advance("judging the claims by what is recorded")
        rows = check.verdicts_from_records()
        both = (ledger.published(), ledger.own())
        records = {record["id"]: record for of in both for record in of.records()}
        bundled = comparable(w for paper in list_papers() for w in paper.weights)
        comparisons = {}
        for weights in bundled:
            advance(f"enlarging a photograph by {weights.name}")
            comparisons[weights.name] = compare(weights)
        advance("writing pages")
        return build(out, rows, records.values(), comparisons)


def _serve(where: Path, port: int, browser: bool) -> None:
    import http.server
    import webbrowser

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Requests of one's own browser are not worth a line."""

    handler = partial(Quiet, directory=str(where))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        Console().print(f"{address}  (Ctrl-C ends it)", highlight=False)
        if browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
