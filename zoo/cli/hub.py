"""`zoo push`, `pull`, `verify`, `unlock` and `zoo hub serve`: weights on a Hub."""

import secrets
import socket
import sys
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import App, Json, app, print_json, progress, require


@app.command(epilog="The same command sends what is not there yet.")
def push(
    name: Annotated[str, typer.Argument(help="Weights (arch.tag), or an architecture.")],
    to: Annotated[str, typer.Option(help="Repository on the Hub: org/name.")],
    private: Annotated[
        bool, typer.Option("--private", help="Create the repository as private.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Push weights to the Hub, with their config, card, license and reference outputs."""
    require("jinja2", "report", "`zoo push`, which writes a model card,")
    from zoo.hub.push import push

    with progress() as advance:
        result = push(name, to, private=private, dry_run=dry_run, on_progress=advance)
    if as_json:
        print_json(asdict(result))
        return
    for path in result.changed:
        print(f"{'would send' if dry_run else 'sent'}: {path}")
    print(f"{result.name}: {len(result.unchanged)} files of {result.repo} are up to date")
    if result.commit:
        print(f"commit {result.commit}")


@app.command(epilog="The same command downloads what is not here yet.")
def pull(
    names: Annotated[list[str], typer.Argument(help="Weights, or hf-hub:org/repo@revision.")],
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder to collect them in, for a machine without network; else the cache."
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Take a file at a URL of which no sum is known, and lock it."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Download weights; with --to, collect them for a machine without network."""
    from zoo.hub.pull import pull

    with progress() as advance:
        paths = pull(names, to, advance, trust=trust)
    if as_json:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        print(path)
    if not paths:
        print(f"{', '.join(names)}: part of the zoo, so {to or 'this machine'} needs no file of it")
    if not (to and paths):
        return
    serve = f", or `zoo hub serve {to / 'hub'}` for others" if (to / "hub").is_dir() else ""
    print(f"there: HF_HOME={to} HF_HUB_OFFLINE=1{serve}")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Weights; all on this machine by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify weights: hash them again, load them strictly, recompute their reference outputs."""
    from zoo.hub.verify import verify

    with progress() as advance:
        results = list(verify(names or (), advance))
    if as_json:
        print_json([asdict(result) for result in results])
    for result in [] if as_json else results:
        error = (result.error or "").removeprefix(f"{result.name}: ")
        print(f"{result.name}: {error or f'whole; outputs: {result.outputs}'}")
    if any(result.error for result in results):
        sys.exit(1)


@app.command()
def unlock(
    names: Annotated[list[str], typer.Argument(help="Weights, or hf-hub:org/repo.")],
) -> None:
    """Forget the locked commit and sha256 of weights: the next load takes the newest commit."""
    from zoo.hub.pinning import unlock

    for name in names:
        for entry in unlock(name):
            print(f"forgotten: {entry}")


hub = App(no_args_is_help=True, help="A Hub server for closed networks.")
app.add_typer(hub, name="hub")

LAYOUT = "DIR/OWNER/NAME/, DIR/datasets/OWNER/NAME/ or DIR/models--OWNER--NAME/snapshots/"


@hub.command()
def serve(
    folder: Annotated[Path, typer.Argument(help=f"{LAYOUT}.", metavar="DIR")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0: all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: any free one.", min=0, max=65535)] = 0,
    writable: Annotated[
        bool, typer.Option("--writable", help="Accept pushes, by the token in DIR/.hub.")
    ] = False,
) -> None:
    """Serve the models and data sets of a folder to huggingface_hub, read-only by default."""
    for module in ("starlette", "uvicorn", "lz4"):
        require(module, "server", "`zoo hub serve`")
    from zoo.hub.server import Folders, HubApp, Store, User, listen, make_server

    if not folder.is_dir():
        raise ValueError(f"DIR must be a folder that exists, not {folder}")
    print(f"reading the files of {folder}", file=sys.stderr)
    own = folder / ".hub"
    users = {token: User("zoo", orgs=("*",)) for token in tokens(own, writable)}
    store = Store(own, users, Folders(folder))
    count = len(store.repos())
    if not (count or writable):
        raise ValueError(f"{folder} holds no repository; it should have {LAYOUT}")
    with store.locked() if writable else nullcontext(), listen(host, port) as listener:
        name = socket.gethostname() if host == "0.0.0.0" else host
        url = f"http://{name}:{listener.getsockname()[1]}"
        repositories = f"{count} {'repository' if count == 1 else 'repositories'}"
        setting = "".join(f" HF_TOKEN={token}" for token in users if writable)
        mode = "writable" if writable else "read only"
        print(f"{url} serves {repositories} of {folder}, {mode}: HF_ENDPOINT={url}{setting}")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            make_server(HubApp(store, writable=writable)).run(sockets=[listener])
        print("stopped", file=sys.stderr)


def tokens(own: Path, writable: bool) -> list[str]:
    """Return the token that may push, if there is one; only the owner of the folder can read it."""
    path = own / "token"
    token = path.read_text(encoding="ascii").strip() if path.exists() else ""
    if writable and not token:
        own.mkdir(exist_ok=True)
        token = f"hf_{secrets.token_hex(17)}"
        path.touch(mode=0o600)
        path.write_text(f"{token}\n", encoding="ascii")
    return [token] if token else []
