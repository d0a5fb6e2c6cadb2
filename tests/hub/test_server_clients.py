"""The zoo's own Hub, with timm, datasets and the `hf` command as its clients."""

import sys
from pathlib import Path

import pytest

from tests.hub.test_server import MODES, client, remote
from tests.support.hub_server import Hub

__all__ = ["remote"]

pytestmark = pytest.mark.slow

TIMM_OVERRIDES = """
import timm, torch
from timm.models.hub import push_to_hf_hub
torch.manual_seed(0)
net = timm.create_model("resnet18", num_classes=10).eval()
push_to_hf_hub(net, "alice/r18", model_config={"num_classes": 10}, safe_serialization=True,
               model_card={"license": "mit"})
again = timm.create_model("hf-hub:alice/r18", pretrained=True).eval()
x = torch.randn(1, 3, 64, 64)
with torch.no_grad():
    assert torch.equal(net(x), again(x))
from huggingface_hub import HfApi
api = HfApi()
api.create_tag("alice/r18", tag="v1")
timm.create_model("hf-hub:alice/r18@v1", pretrained=True)
print(sorted(file.rfilename for file in api.model_info("alice/r18").siblings))
"""

DATASETS = """
from datasets import Dataset, load_dataset
dataset = Dataset.from_dict({"n": list(range(1000)), "text": [f"number {i}" for i in range(1000)]})
dataset.push_to_hub("alice/numbers", private=True)
loaded = load_dataset("alice/numbers", split="train")
assert loaded.to_dict() == dataset.to_dict()
dataset.select(range(10)).push_to_hub("alice/numbers", split="test")
assert len(load_dataset("alice/numbers", split="test")) == 10
rows = list(load_dataset("alice/numbers", split="train", streaming=True))
assert [row["n"] for row in rows] == list(range(1000))
print("well")
"""


def ok(remote: Hub, tmp_path: Path, xet_off: str, *command: str) -> str:
    """What a client printed that ended well."""
    done = client(remote, tmp_path, *command, xet_off=xet_off)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("xet_off", MODES[:1])
def test_server_timm_client_pushes_and_loads(remote: Hub, tmp_path: Path, xet_off: str) -> None:
    files = ok(remote, tmp_path, xet_off, "-c", TIMM_OVERRIDES)
    assert "['README.md', 'config.json', 'model.safetensors']" in files


@pytest.mark.parametrize("xet_off", MODES[1:])
def test_server_datasets_client_pushes_and_streams(
    remote: Hub, tmp_path: Path, xet_off: str
) -> None:
    assert "well" in ok(remote, tmp_path, xet_off, "-c", DATASETS)


@pytest.mark.parametrize("xet_off", MODES)
def test_server_hf_command_uploads_and_downloads(remote: Hub, tmp_path: Path, xet_off: str) -> None:
    """The command, which is a script beside the interpreter."""
    command = str(Path(sys.executable).with_name("hf"))
    assert "alice" in ok(remote, tmp_path, xet_off, command, "auth", "whoami")
    (tmp_path / "up" / "sub").mkdir(parents=True)
    (tmp_path / "up" / "sub" / "w.bin").write_bytes(bytes(100_000))
    (tmp_path / "up" / "README.md").write_text("# A model\n")
    ok(remote, tmp_path, xet_off, command, "upload", "alice/up", "up")
    ok(remote, tmp_path, xet_off, command, "download", "alice/up", "--local-dir", "down")
    assert (tmp_path / "down" / "sub" / "w.bin").read_bytes() == bytes(100_000)
    assert (tmp_path / "down" / "README.md").read_text() == "# A model\n"
