"""Weights that come and go: push, pull, verify, unlock."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Json, app, print_json, progress


@app.command()
def push(
    name: Annotated[str, typer.Argument(help="Weights (arch.tag), or an architecture.")],
    to: Annotated[str, typer.Option(help="Repository on the Hub: org/name.")],
    private: Annotated[
        bool, typer.Option("--private", help="A new repository is private.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring weights to the Hub: safetensors, config, card, license, tensors to check them by."""
    from zoo.hub.push import push

    with progress() as advance:
        done = push(name, to, private=private, dry_run=dry_run, advance=advance)
    if as_json:
        print_json(asdict(done))
        return
    for path in done.changed:
        print(f"{'would send' if dry_run else 'sent'}: {path}")
    print(f"{done.name}: {len(done.unchanged)} files of {done.repo} are as they should be")
    if done.commit:
        print(f"commit {done.commit}")


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(help="Weights, or hf-hub:org/repo@revision.")],
    to: Annotated[Path, typer.Option(help="Folder of the bundle.")],
) -> None:
    """Collect weights in a folder for a machine without network."""
    from zoo.hub import pull as offline

    with progress() as advance:
        written = offline.pull(names, to, advance)
    for path in written:
        print(path)
    print(f"there: HF_HOME={to} HF_HUB_OFFLINE=1, or `zoo hub serve {to / 'hub'}` for others")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Weights; all that are here.")] = None,
    as_json: Json = False,
) -> None:
    """Hash weights again, load them strictly, and run the inputs that are pinned beside them."""
    from zoo.hub.verify import verify as verify_verify

    with progress() as advance:
        found = list(verify_verify(names or (), advance))
    if as_json:
        print_json([asdict(one) for one in found])
    for one in [] if as_json else found:
        fault = one.fault.removeprefix(f"{one.name}: ")
        print(f"{one.name}: {fault or f'whole; outputs: {one.outputs}'}")
    if any(one.fault for one in found):
        sys.exit(1)


@app.command()
def unlock(
    names: Annotated[list[str], typer.Argument(help="Weights, or hf-hub:org/repo.")],
) -> None:
    """Forget what was locked here of weights: the next load takes what is there then."""
    from zoo.hub import pull as offline

    for name in names:
        for gone in offline.unlock(name):
            print(f"forgotten: {gone}")
