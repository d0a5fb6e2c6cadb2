"""The transformers of orthogonal residual updates, from files as their authors publish them.

Layout and logits are of the authors' modeling_ortho_vit.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from transformers import ViTConfig
from transformers.models.vit.modeling_vit import ViTEmbeddings

from tests.conftest import ROOT
from tests.golden.fill import drawn_by_name, images
from tests.models.test_muddformer_vision import image, small
from tests.models.test_sources_language_models import from_file
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._registry import get_entry
from zoo.models.orthogonal_residual.update import EPS
from zoo.models.orthogonal_residual.vision import OrthogonalStream
from zoo.modules.class_token import GRID, resize_positions
from zoo.papers.weights import WeightsError

GOLDEN = json.loads((ROOT / "tests/golden/orthogonal_residual.json").read_text())["vit"]
PREFIX = {"feature": "orthogonal", "linear": "linear"}
SMALL = {"layers": 2, "width": 32, "heads": 4, "num_classes": 5}


def published(size: str) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a published file, as the authors' network has them."""
    shapes = GOLDEN["shapes"][size].items()
    return {key: tuple(int(n) for n in shape.split("x")) for key, shape in shapes}


@pytest.mark.parametrize("update", PREFIX)
def test_vit_from_authors_file_gives_their_logits(
    update: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(drawn_by_name(published("small")), path)
    name = f"{PREFIX[update]}_vit_b16"
    model: Any = from_file(monkeypatch, name, {**SMALL, "update": update}, path)
    expected = torch.tensor(GOLDEN[update], dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model.double()(images(224)), expected, rtol=1e-8, atol=1e-8)
        model.reset_classifier(5, "avg")
        assert (model(images(224)) - expected).abs().max() > 0.1


def test_vit_file_with_weights_in_norms_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's ViT, of which no tensor may be left out."""
    state = drawn_by_name(published("small"))
    state["vit.encoder.layer.0.layernorm_before.weight"] = torch.ones(32)
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(state, path)
    with pytest.raises(WeightsError, match="has no use for"):
        from_file(monkeypatch, "linear_vit_b16", {**SMALL, "update": "linear"}, path)


@pytest.mark.parametrize("name", ["orthogonal_vit_b16", "linear_vit_b16"])
def test_vit_fits_shapes_of_published_files(name: str) -> None:
    """Of whole size; 86.5M, as the Hub counts them."""
    (mapping,) = key_mappings_of(get_entry(name))
    state = {key: torch.empty(shape, device="meta") for key, shape in published("b16").items()}
    model = build_model(name, device="meta")
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    assert {key: value.shape for key, value in mapping.to_zoo(state).items()} == shapes
    assert sum(p.numel() for p in model.parameters()) == 86_530_792


def test_positions_of_other_sizes_are_bicubic_as_in_transformers() -> None:
    table = torch.randn(1, GRID**2, 8, dtype=torch.float64)
    assert torch.equal(resize_positions(table, (GRID, GRID)), table)
    embeddings = ViTEmbeddings(ViTConfig(hidden_size=8))
    embeddings.position_embeddings = nn.Parameter(torch.cat([table[:, :1], table], 1))
    expected = embeddings.interpolate_pos_encoding(torch.empty(1, 25, 8), 64, 96)[:, 1:]
    torch.testing.assert_close(resize_positions(table, (4, 6)), expected)


def test_orthogonal_vit_differs_only_in_stream() -> None:
    model = small("orthogonal_vit_s16")
    model.load_state_dict(small("linear_vit_s16").state_dict())
    stream = model.connections
    x = model.forward_stem(image())
    with torch.no_grad():
        before, after = x.stream, model.forward_stage("blocks.0", x).stream
        attention, out = [], OrthogonalStream.write

        def spy(self: Any, sublayer: Any, stream: Any, residual: Tensor, given: Tensor) -> Tensor:
            attention.append((given, residual))
            return out(self, sublayer, stream, residual, given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OrthogonalStream, "write", spy)
            torch.testing.assert_close(model.forward_stage("blocks.0", x).stream, after)
    assert len(attention) == 2
    for given, residual in attention:
        scale = (given * residual).sum(-1) / (residual.square().sum(-1) + EPS)
        added = out(stream, None, None, residual, given) - residual
        torch.testing.assert_close(added, given - scale[..., None] * residual)
    assert (after - before).abs().max() > 0.1
