"""Push weights to a repository on the Hub, with all that is needed to check them.

"arch.tag" -> model.safetensors, config.json, pinned.safetensors, README.md, LICENSE, .eval_results
-> what differs from the repository -> one commit, or none
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.models._registry import default_weights, parse_name
from zoo.models._sources import CONFIG, FILE
from zoo.papers.weights import Weights, WeightsError
from zoo.reporting import cards

SHARD_SIZE = 5 << 30  # bytes
CARD, LICENSE = "README.md", "LICENSE"
Files = dict[str, bytes]


@dataclass(frozen=True)
class PushResult:
    """The outcome of a push, or of a dry run."""

    name: str  # the weights, arch.tag
    repo: str  # org/name
    changed: tuple[str, ...]  # files that differ from the repository's
    unchanged: tuple[str, ...]
    commit: str = ""  # "" if nothing was sent


def push(
    name: str,
    to: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[str], None] = lambda message: None,
) -> PushResult:
    """Push weights to the Hub in one commit of the files that differ.

    What a person wrote into the marked section of the card is kept.

    Args:
        name: Weights ("arch.tag"), or an architecture with default weights.
        to: The repository, "org/name"; it is created if it does not exist.
        private: Create the repository as private.
        dry_run: Compare the files, and send nothing; no token is needed but for a private one.
        on_progress: Called with a line of text at each step.

    Raises:
        WeightsError: Before anything is sent, if the weights are not finite or may not be
            published, the token may not write, or the Hub does not accept the card.
    """
    entry, weights = parse_name(name)
    weights = weights or default_weights(entry.name)
    if weights.license in ("", "unknown"):
        raise WeightsError(f"{weights.name}: its license is unknown, so it may not be published")
    on_progress(f"{weights.name}: loading")
    model = create(weights.name, pretrained=True)
    _check_finite(weights.name, model)
    api = HfApi(endpoint=endpoint.checked_endpoint())
    _check_name(to)
    if not dry_run:
        _check_write_access(api, to)
    remote, parent = _remote_files(api, to)
    on_progress(f"{weights.name}: files")
    files = repository_files(
        model, weights, lambda path: _download(api, to, path) if path in remote else b""
    )
    _validate_card(files[CARD].decode())
    changed = {path: data for path, data in files.items() if remote.get(path) not in _hashes(data)}
    result = PushResult(
        weights.name, to, tuple(sorted(changed)), tuple(sorted(files.keys() - changed.keys()))
    )
    if dry_run or not changed:
        return result
    on_progress(f"{weights.name}: sending {len(changed)} files to {to}")
    return replace(result, commit=_commit(api, to, changed, private, parent, weights.name))


def repository_files(model: nn.Module, weights: Weights, old_file: Callable[[str], bytes]) -> Files:
    """Return the files of a repository; `old_file` maps a path to its present bytes, or b""."""
    files = tensor_files({key: value.contiguous() for key, value in model.state_dict().items()})
    files[CONFIG] = json_bytes(hub_config(model, weights, files))
    outputs, rows = old_file(reference_outputs.FILE), cards.rows(weights)
    files[reference_outputs.FILE] = outputs if _agrees(model, outputs) else _outputs(model)
    card = cards.card(weights, rows)
    files[CARD] = cards.merge(card, old_file(CARD).decode(errors="replace")).encode()
    files[LICENSE] = license_text(weights).encode()
    for path, text in cards.eval_results(weights, rows).items():
        files[path] = text.encode()
    return files


def tensor_files(state: Mapping[str, torch.Tensor], shard_size: int = SHARD_SIZE) -> Files:
    """Return model.safetensors, or shards of at most `shard_size` bytes with their index."""
    plan = split_torch_state_dict_into_shards(
        dict(state),
        filename_pattern=FILE.replace(".safetensors", "{suffix}.safetensors"),
        max_shard_size=shard_size,
    )
    files = {
        file: safetensors.torch.save({key: state[key] for key in keys}, {"format": "pt"})
        for file, keys in plan.filename_to_tensors.items()
    }
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        files[FILE + download.INDEX] = json_bytes(index)
    return files


def hub_config(model: nn.Module, weights: Weights, files: Files) -> dict[str, Any]:
    """Return config.json: what timm reads, and what the zoo reads in "zoo"."""
    cfg = dict(pretrained_cfg(model))
    for key in ("hf_hub_id", "file", "architecture", "tag"):
        cfg.pop(key, None)
    file = FILE if FILE in files else FILE + download.INDEX
    own = {
        "model": weights.model,
        "args": dict(weights.args),
        "weights": weights.name,
        "file": file,
        "sha256": hashlib.sha256(files[file]).hexdigest(),
        "relation": weights.relation,
        "parent": {"origin": weights.origin, "sha256": weights.sha256, "repo": weights.repo},
    }
    config: dict[str, Any] = {"architecture": weights.model, "pretrained_cfg": cfg, "zoo": own}
    if "num_classes" in cfg:
        config |= {"num_classes": cfg["num_classes"], "num_features": vars(model)["num_features"]}
    return config


def license_text(weights: Weights) -> str:
    """Return the text of LICENSE: the zoo's own for bundled weights, else a line on its origin."""
    if weights.bundled:
        return distribution("residual-zoo").read_text("licenses/LICENSE") or ""
    origin = weights.url or f"https://huggingface.co/{weights.repo}"
    return f"{weights.license}, by {weights.origin}; the terms are those of {origin}\n"


def json_bytes(value: Any) -> bytes:
    """Encode a JSON file of a repository."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _outputs(model: nn.Module) -> bytes:
    return safetensors.torch.save(reference_outputs.compute(model), {"format": "pt"})


def _agrees(model: nn.Module, data: bytes) -> bool:
    """True if a repository's reference outputs still hold; another machine's are as good."""
    try:
        return bool(data) and not reference_outputs.compare(model, safetensors.torch.load(data))
    except (WeightsError, safetensors.SafetensorError):
        return False


def _check_finite(name: str, model: nn.Module) -> None:
    broken = [k for k, v in model.state_dict().items() if not bool(torch.isfinite(v).all())]
    if broken:
        raise WeightsError(f"{name}: {', '.join(broken[:6])} is not finite; nothing was sent")


def _check_name(to: str) -> None:
    if to.count("/") != 1 or not all(to.split("/")):
        raise WeightsError(f"a repository is called org/name, not {to!r}")


def _check_write_access(api: HfApi, to: str) -> None:
    """Raise WeightsError for a token that cannot write there."""
    try:
        user = api.whoami()
    except (HfHubHTTPError, OSError, ValueError) as error:
        cause = _first_line(error)
        raise WeightsError(f"no token that {api.endpoint} knows: hf auth login ({cause})") from None
    token = user.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise WeightsError(f"the token of {user['name']} may only read; use one that may write")
    owner = to.partition("/")[0]
    if owner not in {user["name"], *(org["name"] for org in user.get("orgs", ()))}:
        raise WeightsError(f"{user['name']} is not {owner}, nor a member of it")


def _remote_files(api: HfApi, to: str) -> tuple[dict[str, str], str]:
    """Return {path: sha256, or git's hash} of a repository and its commit; both empty if new."""
    try:
        info = api.model_info(to, files_metadata=True)
    except RepositoryNotFoundError:
        return {}, ""
    except (HfHubHTTPError, OSError) as error:
        raise WeightsError(f"{to}: {_first_line(error)}") from None
    files = info.siblings or []
    return {f.rfilename: f.lfs.sha256 if f.lfs else f.blob_id or "" for f in files}, info.sha or ""


def _hashes(data: bytes) -> tuple[str, str]:
    """Return the two hashes by which the Hub may name a file: sha256 (LFS), and git's."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return hashlib.sha256(data).hexdigest(), blob.hexdigest()


def _download(api: HfApi, to: str, path: str) -> bytes:
    with endpoint.max_download(download.MAX_SMALL):
        return download.read_small(to, Path(api.hf_hub_download(to, path)))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _validate_card(card: str) -> None:
    """Have the endpoint validate a card; ModelCard.validate would ask huggingface.co."""
    url = f"{endpoint.checked_endpoint()}/api/validate-yaml"
    try:
        reply = get_session().post(url, json={"repoType": "model", "content": card})
        errors = reply.json().get("errors", []) if reply.status_code == 400 else []
        if not errors:
            reply.raise_for_status()
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        raise WeightsError(f"{url} cannot validate the card: {error}") from None
    if errors:
        messages = "; ".join(str(fault.get("message", fault)) for fault in errors)
        raise WeightsError(f"the Hub does not accept the card: {messages}")


def _commit(api: HfApi, to: str, files: Files, private: bool, parent: str, name: str) -> str:
    """Send files in one commit and return it; after an error the repository is as it was."""
    operations = [CommitOperationAdd(path, data) for path, data in sorted(files.items())]
    try:
        if not parent:
            api.create_repo(to, private=private, exist_ok=True)
        info = api.create_commit(
            to, operations, commit_message=f"{name}, by zoo push", parent_commit=parent or None
        )
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{to} did not take the files ({_first_line(error)}); push again: "
            "what has arrived is not sent twice"
        ) from None
    return str(info.oid)
