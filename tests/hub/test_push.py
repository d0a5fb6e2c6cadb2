"""Weights to a Hub on loopback and back: nothing twice, nothing half, what a person wrote kept."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import HfApi, ModelCard, constants
from torch import nn

import zoo
from tests.checkpoints import test_download as test_hub
from tests.support.hub_server import TOKENS, Hub, unavailable
from tests.support.models import bundled_weights
from tests.support.patching import replace_everywhere
from zoo.hub import reference_outputs, server
from zoo.hub.push import PushResult, push
from zoo.hub.verify import verify
from zoo.models._factory import create
from zoo.papers.weights import WeightsError
from zoo.reporting import cards

remote = test_hub.remote
REPO, SOURCE = "alice/small", "hf-hub:alice/small"
NAMES = {"resnet20.zoo_digits": (3, 32, 32), "muddformer_nano": (), "rcan_tiny_x2": (3, 24, 24)}
# huggingface_hub's own, at every upload through LFS.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
EQUAL = "equal to the reference outputs"
CHECK = {"README.md", "LICENSE", "config.json", "model.safetensors", "pinned.safetensors"}


@pytest.fixture(
    params=[pytest.param(True, id="lfs", marks=pytest.mark.slow), pytest.param(False, id="xet")]
)
def hub(remote: Hub, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Hub:
    """alice's client."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", request.param)
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    return remote


def api() -> HfApi:
    return HfApi(endpoint=constants.ENDPOINT)


def content(path: str) -> str:
    return Path(api().hf_hub_download(REPO, path)).read_text()


def outputs(model: nn.Module, name: str) -> Any:
    x = torch.randn(1, *NAMES[name]) if NAMES[name] else torch.arange(9)[None]
    with torch.inference_mode():
        return model(x)


@pytest.mark.parametrize("name", NAMES)
def test_push_then_create_gives_equal_outputs(hub: Hub, name: str) -> None:
    done = push(name, REPO)
    assert set(done.changed) >= CHECK
    assert (done.unchanged, len(done.commit)) == ((), 40)
    known = zoo.create(name, pretrained=True)
    pulled = zoo.create(SOURCE)
    torch.manual_seed(0)
    expected = outputs(known, name)
    torch.manual_seed(0)
    assert torch.equal(outputs(pulled, name), expected)
    (checked,) = verify([SOURCE])
    assert (checked.error, checked.outputs) == (None, EQUAL)

    again = push(name, REPO)
    assert (again.changed, again.commit) == ((), "")
    assert len(api().list_repo_commits(REPO)) == len({done.commit, api().model_info(REPO).sha}) + 1


def test_push_emptied_server_uploads_everything_again(hub: Hub, tmp_path: Path) -> None:
    """What the client remembers to have sent is not there any more."""
    push("resnet20.zoo_digits", REPO)
    hub.app = server.HubApp(server.Store(tmp_path / "emptied", TOKENS))
    assert push("resnet20.zoo_digits", REPO).commit
    assert zoo.create(SOURCE).num_classes == 10


def test_push_result_loads_in_timm(hub: Hub) -> None:
    import zoo.timm

    push("resnet20.zoo_digits", REPO)
    theirs = timm.create_model(SOURCE, pretrained=True).eval()
    torch.testing.assert_close(
        theirs(torch.ones(1, 3, 32, 32)),
        zoo.create("resnet20.zoo_digits", pretrained=True)(torch.ones(1, 3, 32, 32)),
        rtol=0,
        atol=0,
    )


def test_push_uploads_card_config_license_and_outputs(hub: Hub) -> None:
    push("resnet20.zoo_digits", REPO, private=True)
    info = api().model_info(REPO)
    assert info.private
    data: Any = ModelCard(content("README.md")).data
    assert data.license == "apache-2.0"
    assert "arxiv:1512.03385" in data.tags
    config = json.loads(content("config.json"))
    weights = bundled_weights("resnet20")
    assert (config["architecture"], config["zoo"]["weights"]) == ("resnet20", weights.name)
    assert config["zoo"]["parent"]["sha256"] == weights.sha256
    assert "Apache License" in content("LICENSE")
    tensors = safetensors.torch.load_file(api().hf_hub_download(REPO, reference_outputs.FILE))
    assert not reference_outputs.compare(
        zoo.create("resnet20.zoo_digits", pretrained=True), tensors
    )


def test_push_existing_card_retains_manual_text(hub: Hub) -> None:
    push("resnet20.zoo_digits", REPO)
    card = content("README.md")
    written = card.replace(cards.BEGIN, f"{cards.BEGIN}\nUse it kindly.") + "\nXXX\n"
    api().upload_file(path_or_fileobj=written.encode(), path_in_repo="README.md", repo_id=REPO)
    done = push("resnet20.zoo_digits", REPO)
    assert done.changed == ("README.md",)
    assert "Use it kindly." in content("README.md")
    assert "XXX" not in content("README.md")


@pytest.mark.slow
def test_push_rounded_reference_outputs_are_not_replaced(hub: Hub) -> None:
    """Rounded otherwise; those of another network do not."""
    push("resnet20.zoo_digits", REPO)
    path = api().hf_hub_download(REPO, reference_outputs.FILE)
    theirs = {k: v * (1 + 1e-6) if "output" in k else v for k, v in _load(path).items()}

    def upload(tensors: dict[str, torch.Tensor]) -> None:
        data = safetensors.torch.save(tensors)
        api().upload_file(path_or_fileobj=data, path_in_repo=reference_outputs.FILE, repo_id=REPO)

    upload(theirs)
    assert push("resnet20.zoo_digits", REPO).changed == ()
    upload({k: v * 2 if "output" in k else v for k, v in theirs.items()})
    assert push("resnet20.zoo_digits", REPO, dry_run=True).changed == (reference_outputs.FILE,)
    (checked,) = verify([f"{SOURCE}@main"])
    assert "outputs differ from the reference outputs" in str(checked.error)
    assert push("resnet20.zoo_digits", REPO).changed == (reference_outputs.FILE,)


def _load(path: str) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path)


def test_push_dry_run_needs_no_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    assert set(push("resnet20.zoo_digits", REPO, dry_run=True).changed) >= CHECK
    with pytest.raises(WeightsError, match="a repository is called org/name"):
        push("resnet20.zoo_digits", "small", dry_run=True)


def test_push_dry_run_sends_nothing(hub: Hub) -> None:
    done = push("resnet20.zoo_digits", REPO, dry_run=True)
    assert set(done.changed) >= CHECK
    assert not done.commit
    assert not [r for r in hub.requests if r.startswith("POST") and "validate-yaml" not in r]
    assert not api().repo_exists(REPO)


def refused(hub: Hub, says: str, name: str = "resnet20.zoo_digits", to: str = REPO) -> None:
    """Before the first byte."""
    with pytest.raises(WeightsError, match=says):
        push(name, to)
    sent = [r for r in hub.requests if r.startswith(("POST", "PUT")) and "validate-yaml" not in r]
    assert not sent


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("hf_reader", "the token of alice may only read"),
        ("hf_bob", "bob is not alice, nor a member of it"),
        ("hf_nobody", "no token that .* knows"),
        ("", "no token that .* knows"),
    ],
)
def test_push_token_without_write_access_raises(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, token: str, says: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    refused(hub, says)


def test_push_invalid_name_card_or_weights_raises(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(hub, "called org/name, not 'small'", to="small")
    monkeypatch.setattr(cards, "card", lambda *_: "---\nlicense: [a, b\n---\n")
    refused(hub, "the Hub does not accept the card")
    real = create

    def broken(name: str, pretrained: bool | None = None, **overrides: Any) -> nn.Module:
        model: Any = real(name, pretrained, **overrides)
        model.fc.weight.data[0, 0] = torch.nan
        return model

    replace_everywhere(monkeypatch, "zoo.models._factory.create", broken)
    refused(hub, r"fc\.weight is not finite; nothing was sent")


def test_push_interrupted_upload_completes_on_rerun(hub: Hub) -> None:
    """What fails is said in a sentence; the next push ends it."""
    hub.faults.append(unavailable(1, "POST", 400))
    with pytest.raises(WeightsError):
        push("resnet20.zoo_digits", REPO)
    done: PushResult = push("resnet20.zoo_digits", REPO)
    assert done.commit
    assert zoo.create(SOURCE).num_classes == 10
