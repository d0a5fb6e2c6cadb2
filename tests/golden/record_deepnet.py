"""Golden constants, logits and states of DeepNet, from the authors' library torchscale.

uv run --with fairscale --with timm --with einops --with transformers \\
    python tests/golden/record_deepnet.py PATH
             a checkout of microsoft/torchscale
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from fill import drawn_by_name
from record import source, write

DEPTHS = [(6, 6), (18, 18), (100, 100), (12, 6), (500, 500)]  # encoder, decoder
SIZES = {"layers": 3, "width": 32, "heads": 2, "hidden": 48, "vocab": 53}
HOW = (
    "The authors' package is imported as it is at that commit. Constants are read from networks "
    "that it builds: alpha is an attribute, beta the factor between weights that are all 1 before "
    "the scaling and after it. Logits are of a decoder in float64, whose softmax and GELU are in "
    "float32; every tensor is drawn by its name (tests/golden/fill.py: drawn_by_name). They are "
    "those of the tokens 3 and 11 of two texts of 12 tokens, (37 i^2 + 11 i + 5 row) mod 53. Of an "
    "encoder there are the last states of tokens 3 and 8: the ids are 1 + those mod 52, and the "
    "second text has 9 tokens and then padding. An encoder of 3 layers and a decoder of 2 take "
    "those texts as sources, with each of torchscale's ways to share tables, with ReLU and "
    "embeddings times sqrt(width), as in its examples for fairseq, and with transformers' "
    "sinusoids of M2M-100, which are fairseq's: logits 0 to 7 of the tokens 0 and 7 of a target, "
    "(29 i^2 + 7 i + 3 row) mod 53."
)
SHARED = {  # of DeepNetTranslation -> share_all_embeddings, share_decoder_input_output_embed
    "all": (True, True),
    "decoder": (False, True),
    "none": (False, False),
}


def ids() -> torch.Tensor:
    i, row = torch.arange(12), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 53


def config(
    kind: Any, side: str, layers: tuple[int, int], width: int, heads: int, hidden: int
) -> Any:
    """Return a configuration of one side, with both numbers of layers, as EncoderDecoder has it.

    DecoderConfig(deepnorm=True) alone would be pre-norm: it sets encoder_normalize_before.
    """
    of_side = {"embed_dim": width, "attention_heads": heads, "ffn_embed_dim": hidden}
    of_side["normalize_before"] = False
    made = kind(deepnorm=True, **{f"{side}_{key}": value for key, value in of_side.items()})
    made.encoder_layers, made.decoder_layers = layers
    return made


def ones(layer: torch.nn.Linear) -> None:
    """Take the place of Linear.reset_parameters."""
    torch.nn.init.ones_(layer.weight)


def constants(encoder: int, decoder: int, *, both: bool) -> dict[str, list[float]]:
    """Return alpha and beta of the encoder and of the decoder."""
    from torchscale.architecture.config import DecoderConfig, EncoderConfig
    from torchscale.architecture.decoder import Decoder
    from torchscale.architecture.encoder import Encoder

    torch.nn.Linear.reset_parameters = ones
    values = {}
    for side, kind, network in (
        ("encoder", EncoderConfig, Encoder),
        ("decoder", DecoderConfig, Decoder),
    ):
        made = config(kind, side, (encoder, decoder), 4, 1, 4)
        made.no_output_layer = True
        layer = network(made, torch.nn.Embedding(5, 4), is_encoder_decoder=both).layers[0]
        values[side] = [layer.alpha, layer.self_attn.v_proj.weight[0, 0].item()]
    return values


def drawn(model: Any) -> tuple[Any, dict[str, list[int]]]:
    """Return the network in float64 with weights drawn by name, and its shapes."""
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.double().eval().load_state_dict(drawn_by_name(shapes))
    return model, {key: list(shape) for key, shape in shapes.items()}


def logits() -> dict[str, Any]:
    """Return a decoder's logits, its shapes and alpha."""
    from torchscale.architecture.config import DecoderConfig
    from torchscale.architecture.decoder import Decoder

    layers, width, heads, hidden, vocab = SIZES.values()
    made = config(DecoderConfig, "decoder", (layers, layers), width, heads, hidden)
    made.vocab_size = vocab
    model, shapes = drawn(Decoder(made, torch.nn.Embedding(vocab, width)))
    with torch.no_grad():
        values = model(ids())[0][:, [3, 11]].tolist()
    return {"args": SIZES, "alpha": model.layers[0].alpha, "shapes": shapes, "logits": values}


def states() -> dict[str, Any]:
    """Return an encoder's last states and its shapes."""
    from torchscale.architecture.config import EncoderConfig
    from torchscale.architecture.encoder import Encoder

    layers, width, heads, hidden, vocab = SIZES.values()
    made = config(EncoderConfig, "encoder", (layers, layers), width, heads, hidden)
    made.no_output_layer = True
    model, shapes = drawn(Encoder(made, torch.nn.Embedding(vocab, width)))
    words, padding = 1 + ids() % 52, torch.zeros(2, 12, dtype=torch.bool)
    padding[1, 9:] = True
    with torch.no_grad():
        values = model(words, encoder_padding_mask=padding)["encoder_out"][:, [3, 8]].tolist()
    return {"args": SIZES, "shapes": shapes, "states": values}


def sinusoids(width: int) -> Any:
    """Return torchscale's embedding of positions with fairseq's sinusoids in it."""
    from torchscale.component.embedding import PositionalEmbedding
    from transformers.models.m2m_100 import modeling_m2m_100 as m2m

    table = m2m.M2M100SinusoidalPositionalEmbedding.get_embedding(24, width, 1)
    return PositionalEmbedding(*table.shape, _weight=table)


def translations(shared: str) -> dict[str, Any]:
    """Return an encoder-decoder's logits; of one that shares nothing, the shapes too."""
    from torchscale.architecture.config import EncoderDecoderConfig
    from torchscale.architecture.encoder_decoder import EncoderDecoder

    layers, width, heads, hidden, vocab = SIZES.values()
    of_sides = {"embed_dim": width, "attention_heads": heads, "ffn_embed_dim": hidden}
    made = EncoderDecoderConfig(
        deepnorm=True,
        encoder_layers=layers,
        decoder_layers=layers - 1,
        decoder_normalize_before=False,
        vocab_size=vocab,
        activation_fn="relu",
        no_scale_embedding=False,
        **{f"{s}_{key}": value for s in ("encoder", "decoder") for key, value in of_sides.items()},
    )
    made.share_all_embeddings, made.share_decoder_input_output_embed = SHARED[shared]
    tables = [torch.nn.Embedding(vocab, width) for _ in range(2)]
    target = None if shared == "all" else tables[1]
    model = EncoderDecoder(made, tables[0], sinusoids(width), target, sinusoids(width))
    shapes = {n: tuple(p.shape) for n, p in model.named_parameters() if "positions" not in n}
    model.double().eval().load_state_dict(drawn_by_name(shapes), strict=False)
    padding = torch.zeros(2, 12, dtype=torch.bool)
    padding[1, 9:] = True
    i, row = torch.arange(8), torch.arange(2)[:, None]
    with torch.no_grad():
        states = model.encoder(1 + ids() % 52, encoder_padding_mask=padding)
        values = model.decoder((29 * i**2 + 7 * i + 3 * row) % 53, encoder_out=states)[0]
    extra = {} if any(SHARED[shared]) else {"shapes": {k: list(v) for k, v in shapes.items()}}
    return {"logits": values[:, [0, 7], :8].tolist(), **extra}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    sys.path.insert(0, str(repository))
    table = {
        f"{n}-{m} {'both' if both else 'alone'}": constants(n, m, both=both)
        for n, m in DEPTHS
        for both in (True, False)
    }
    write(
        "deepnet",
        source=source("microsoft/torchscale", repository, "torchscale/architecture"),
        made_by="tests/golden/record_deepnet.py",
        how=HOW,
        constants=table,
        decoder=logits(),
        encoder=states(),
        translation={shared: translations(shared) for shared in SHARED},
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
