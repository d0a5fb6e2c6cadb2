"""Weights of the zoo to a repository on the Hub, with all that is needed to check them.

"arch.tag" -> model.safetensors, config.json, pinned.safetensors, README.md, LICENSE, .eval_results
-> what differs from the repository -> one commit, or none
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    get_session,
    split_torch_state_dict_into_shards,
)
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from torch import nn

from zoo.checkpoints import download, endpoint
from zoo.hub import reference_outputs
from zoo.models._factory import create
from zoo.models._registry import default_weights, parse_name
from zoo.models._sources import CONFIG, FILE
from zoo.papers.weights import Weights, WeightsError
from zoo.reporting import cards

SHARD = 5 << 30  # bytes
CARD, LICENSE = "README.md", "LICENSE"
Files = dict[str, bytes]
Advance = Callable[[str], None]


@dataclass(frozen=True)
class PushResult:
    """What a push did, or would do: which files differ, and the commit (none if nothing does)."""

    name: str
    repo: str
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    commit: str = ""


def push(
    name: str,
    to: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    advance: Advance = lambda what: None,
) -> PushResult:
    """Brings weights ("arch.tag", or an architecture with default weights) to the repository
    "org/name". What is there already is not sent again; what a person wrote into the marked
    section of the card is kept.

    Raises WeightsError, before anything is sent, for weights that are not finite or may not be
    published, for a token that may not write, and for a card that the Hub does not accept.
    """
    entry, chosen = parse_name(name)
    chosen = chosen or default_weights(entry.name)
    if chosen.license in ("", "unknown"):
        raise WeightsError(f"{chosen.name}: its license is unknown, so nobody may publish it again")
    advance(f"{chosen.name}: loading")
    model = create(chosen.name, pretrained=True)
    _finite(chosen.name, model)
    api = HfApi(endpoint=endpoint.checked_endpoint())
    _may_write(api, to)
    there, parent = _remote_files(api, to)
    advance(f"{chosen.name}: files")
    files = contents(model, chosen, lambda path: _text(api, to, path) if path in there else b"")
    _validate(files[CARD].decode())
    changed = {path: data for path, data in files.items() if there.get(path) not in _sums(data)}
    pushed = PushResult(
        chosen.name, to, tuple(sorted(changed)), tuple(sorted(files.keys() - changed.keys()))
    )
    if dry_run or not changed:
        return pushed
    advance(f"{chosen.name}: sending {len(changed)} files to {to}")
    commit = _send(api, to, changed, private, parent, chosen.name)
    return PushResult(chosen.name, to, pushed.changed, pushed.unchanged, commit)


def contents(model: nn.Module, chosen: Weights, old: Callable[[str], bytes]) -> Files:
    """What a repository holds of a network; `old` gives what its files hold now."""
    files = tensors({key: value.contiguous() for key, value in model.state_dict().items()})
    files[CONFIG] = _json(config(model, chosen, files))
    before = old(reference_outputs.FILE)
    files[reference_outputs.FILE] = before if _agrees(model, before) else _pins(model)
    card = cards.card(chosen, cards.rows(chosen))
    files[CARD] = cards.merge(card, old(CARD).decode(errors="replace")).encode()
    files[LICENSE] = license(chosen).encode()
    for path, text in cards.eval_results(chosen, cards.rows(chosen)).items():
        files[path] = text.encode()
    return files


def tensors(state: Mapping[str, torch.Tensor], largest: int = SHARD) -> Files:
    """model.safetensors, or its shards with their index."""
    plan = split_torch_state_dict_into_shards(
        dict(state),
        filename_pattern=FILE.replace(".safetensors", "{suffix}.safetensors"),
        max_shard_size=largest,
    )
    files = {
        file: safetensors.torch.save({key: state[key] for key in keys}, {"format": "pt"})
        for file, keys in plan.filename_to_tensors.items()
    }
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        files[FILE + download.INDEX] = _json(index)
    return files


def config(model: nn.Module, chosen: Weights, files: Files) -> dict[str, Any]:
    """config.json: what timm reads, and what the zoo knows in "zoo"."""
    cfg = dict(vars(model)["pretrained_cfg"])
    for key in ("hf_hub_id", "file", "architecture", "tag"):
        cfg.pop(key, None)
    file = FILE if FILE in files else FILE + download.INDEX
    own = {
        "model": chosen.model,
        "args": dict(chosen.args),
        "weights": chosen.name,
        "file": file,
        "sha256": hashlib.sha256(files[file]).hexdigest(),
        "relation": chosen.relation,
        "parent": {"origin": chosen.origin, "sha256": chosen.sha256, "repo": chosen.repo},
    }
    found: dict[str, Any] = {"architecture": chosen.model, "pretrained_cfg": cfg, "zoo": own}
    if "num_classes" in cfg:
        found |= {"num_classes": cfg["num_classes"], "num_features": vars(model)["num_features"]}
    return found


def license(chosen: Weights) -> str:
    """The text of LICENSE: the zoo's own for what the zoo trained, else what is known of it."""
    if chosen.bundled:
        return distribution("residual-zoo").read_text("licenses/LICENSE") or ""
    origin = chosen.url or f"https://huggingface.co/{chosen.repo}"
    return f"{chosen.license}, by {chosen.origin}; the terms are those of {origin}\n"


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _pins(model: nn.Module) -> bytes:
    return safetensors.torch.save(reference_outputs.compute(model), {"format": "pt"})


def _agrees(model: nn.Module, data: bytes) -> bool:
    """Whether the pinned tensors that are there still hold: another machine's are as good."""
    try:
        return bool(data) and not reference_outputs.compare(model, safetensors.torch.load(data))
    except (WeightsError, safetensors.SafetensorError):
        return False


def _finite(name: str, model: nn.Module) -> None:
    broken = [k for k, v in model.state_dict().items() if not bool(torch.isfinite(v).all())]
    if broken:
        raise WeightsError(f"{name}: {', '.join(broken[:6])} is not finite; nothing was sent")


def _may_write(api: HfApi, to: str) -> None:
    """Raises WeightsError for a name that is none, and for a token that cannot write there."""
    if to.count("/") != 1 or not all(to.split("/")):
        raise WeightsError(f"a repository is called org/name, not {to!r}")
    try:
        who = api.whoami()
    except (HfHubHTTPError, OSError, ValueError) as error:
        cause = str(error).partition("\n")[0]
        raise WeightsError(f"no token that {api.endpoint} knows: hf auth login ({cause})") from None
    token = who.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise WeightsError(f"the token of {who['name']} may only read; take one that may write")
    owner = to.partition("/")[0]
    if owner not in {who["name"], *(org["name"] for org in who.get("orgs", ()))}:
        raise WeightsError(f"{who['name']} is not {owner}, nor a member of it")


def _remote_files(api: HfApi, to: str) -> tuple[dict[str, str], str]:
    """{file: its sha256, or git's sum} of a repository, and its commit; nothing if it is new."""
    try:
        info = api.model_info(to, files_metadata=True)
    except RepositoryNotFoundError:
        return {}, ""
    except (HfHubHTTPError, OSError) as error:
        raise WeightsError(f"{to}: {str(error).partition(chr(10))[0]}") from None
    files = info.siblings or []
    return {f.rfilename: f.lfs.sha256 if f.lfs else f.blob_id or "" for f in files}, info.sha or ""


def _sums(data: bytes) -> tuple[str, str]:
    """How the Hub calls these bytes: by sha256 if they are large, else as git does."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return hashlib.sha256(data).hexdigest(), blob.hexdigest()


def _text(api: HfApi, to: str, path: str) -> bytes:
    return Path(api.hf_hub_download(to, path)).read_bytes()


def _validate(card: str) -> None:
    """Asks the endpoint itself: ModelCard.validate of huggingface_hub 1 asks huggingface.co."""
    url = f"{endpoint.checked_endpoint()}/api/validate-yaml"
    try:
        reply = get_session().post(url, json={"repoType": "model", "content": card})
        errors = reply.json().get("errors", []) if reply.status_code == 400 else []
        if not errors:
            reply.raise_for_status()
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        raise WeightsError(f"{url} does not say whether the card is good: {error}") from None
    if errors:
        said = "; ".join(str(fault.get("message", fault)) for fault in errors)
        raise WeightsError(f"the Hub does not accept the card: {said}")


def _send(api: HfApi, to: str, files: Files, private: bool, parent: str, name: str) -> str:
    """One commit with these files. Raises WeightsError; the repository is then as it was."""
    operations = [CommitOperationAdd(path, data) for path, data in sorted(files.items())]
    try:
        if not parent:
            api.create_repo(to, private=private, exist_ok=True)
        done = api.create_commit(
            to, operations, commit_message=f"{name}, by zoo push", parent_commit=parent or None
        )
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        cause = str(error).partition("\n")[0]
        raise WeightsError(
            f"{to} did not take the files ({cause}); push again: what has arrived is not sent twice"
        ) from None
    return str(done.oid)
