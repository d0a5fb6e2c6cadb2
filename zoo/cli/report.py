"""`zoo report`: a static site of claims and measurements."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from zoo.cli.app import app, progress, require
from zoo.evaluation import ledger
from zoo.models._catalog import list_papers


@app.command()
def report(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the site, whose older report is replaced; with --serve none by default."
        ),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the site on this machine and open it.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="Port of --serve; 0: any free one.", min=0, max=65535)
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Start a browser with --serve.")] = True,
) -> None:
    """Write a site of all claims, models and benchmarks that needs no server and no network."""
    require("jinja2", "report", "`zoo report`")
    require("vl_convert", "report", "`zoo report`")
    if not (out or serve):
        raise ValueError("say --out DIR, --serve, or both")
    with TemporaryDirectory(prefix="zoo-report-") as folder:
        site = _write(out or Path(folder) / "site")
        if out:
            print(site / "index.html")
        if serve:
            _serve(site, port, browser)


def _write(out: Path) -> Path:
    from zoo.claims import check
    from zoo.reporting.site import build
    from zoo.reporting.site.image_comparison import comparable, compare

    with progress() as advance:
        advance("judging the claims by recorded results")
        verdicts = check.verdicts_from_records()
        ledgers = (ledger.published(), ledger.own())
        records = {record["id"]: record for each in ledgers for record in each.records()}
        comparisons = {}
        for weights in comparable(w for paper in list_papers() for w in paper.weights):
            advance(f"upscaling an image by {weights.name}")
            comparisons[weights.name] = compare(weights)
        advance("writing pages")
        return build(out, verdicts, records.values(), comparisons)


def _serve(site: Path, port: int, browser: bool) -> None:
    import http.server
    import webbrowser

    class QuietHandler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: every request is the user's own."""

    handler = partial(QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        Console().print(f"{address}  (Ctrl-C ends it)", highlight=False)
        if browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
