"""A Hub of one's own: hub serve."""

import secrets
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app

hub = typer.Typer(no_args_is_help=True, help="A Hub of one's own, for closed networks.")
app.add_typer(hub, name="hub")

LAYOUT = "DIR/OWNER/NAME/, DIR/datasets/OWNER/NAME/ or DIR/models--OWNER--NAME/snapshots/"


@hub.command()
def serve(
    folder: Annotated[Path, typer.Argument(help=LAYOUT, metavar="DIR")],
    host: Annotated[str, typer.Option(help="0.0.0.0: all who reach this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: one that is free.", min=0, max=65535)] = 0,
    writable: Annotated[
        bool, typer.Option("--writable", help="Take pushes, into DIR/.hub, with the token there.")
    ] = False,
) -> None:
    """Serve a folder's models and data sets to huggingface_hub; read only unless told."""
    from zoo.hub import server as mirror
    from zoo.hub.server.server import Server

    if not folder.is_dir():
        raise ValueError(f"DIR must be a folder that exists, not {folder}")
    print(f"reading the files of {folder}", file=sys.stderr)
    own = folder / ".hub"
    users = {token: mirror.User("zoo", orgs=("*",)) for token in tokens(own, writable)}
    store = mirror.Store(own, users, mirror.Folders(folder))
    count = len(store.repos())
    if not (count or writable):
        raise ValueError(f"{folder} holds no repository; it should have {LAYOUT}")
    with Server(mirror.HubApp(store, writable=writable).answer, host, port) as server:
        name = socket.gethostname() if host == "0.0.0.0" else host
        url = f"http://{name}:{server.server_port}"
        held = f"{count} {'repository' if count == 1 else 'repositories'}"
        setting = "".join(f" HF_TOKEN={token}" for token in users if writable)
        how = "writable" if writable else "read only"
        print(f"{url} serves {held} of {folder}, {how}: HF_ENDPOINT={url}{setting}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)


def tokens(own: Path, writable: bool) -> list[str]:
    """The token that may push, which only the owner of the folder can read."""
    path = own / "token"
    if writable and not path.exists():
        own.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"hf_{secrets.token_hex(17)}\n", encoding="ascii")
    return [path.read_text(encoding="ascii").strip()] if path.exists() else []
