"""Translation by beam search: exact where nothing is cut off, and a row at a time."""

from itertools import product
from typing import Any

import pytest
import torch

from zoo.inference.translation import Beams, translate
from zoo.models.deepnet.translation import DeepNetTranslation

SIZE = {"layers": 1, "decoder_layers": 2, "width": 16, "heads": 2, "hidden": 16}
END = 0
TEXTS = [[3, 1, 2], [2], [1, 4, 4, 2, 3]]


def network(vocab: int = 4) -> Any:
    """Untrained, with weights so large that the tokens before make a difference."""
    torch.manual_seed(2)
    model = DeepNetTranslation(**SIZE, vocab=vocab, context=12).double().eval()
    for parameter in model.parameters():
        parameter.data.mul_(3.0)
    return model


def scores(model: Any, source: list[int], penalty: float) -> dict[tuple[int, ...], float]:
    """Log-probability over length of all targets of up to three tokens and an end, uncached."""
    values = {}
    for n in range(4):
        targets = [[*ids, END] for ids in product(range(1, 4), repeat=n)]
        ids = torch.tensor(targets)
        before = torch.cat([torch.full((len(ids), 1), END), ids[:, :-1]], 1)
        logits = model(torch.tensor([[*source, END]]).expand(len(ids), -1), before)
        each = logits.log_softmax(-1).gather(-1, ids[..., None]).sum((1, 2))
        values |= {
            tuple(t[:-1]): float(x) / (n + 1) ** penalty for t, x in zip(targets, each, strict=True)
        }
    return values


@torch.no_grad()
@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_translate_with_all_beams_finds_best_of_all_translations(penalty: float) -> None:
    model = network()
    texts = [list(ids) for ids in product(range(1, 4), repeat=2)]
    actual = translate(model, texts, end=END, max_new_tokens=4, beams=3**3, length_penalty=penalty)
    for source, ids in zip(texts, actual, strict=True):
        values = scores(model, source, penalty)
        assert tuple(ids) == max(values, key=values.__getitem__)


@pytest.mark.parametrize("beams", [1, 3])
def test_translate_row_does_not_depend_on_its_batch(beams: int) -> None:
    model = network(13)
    options = {"end": END, "max_new_tokens": 9, "beams": beams}
    together = translate(model, TEXTS, **options)
    assert together == [translate(model, [text], **options)[0] for text in TEXTS]
    assert len(set(map(tuple, together))) > 1


def test_translate_with_one_beam_takes_most_probable_tokens() -> None:
    model, (source, *_) = network(13), TEXTS
    target = [END]
    while len(target) < 6 and target[1:] != [*target[1:-1], END]:
        logits = model(torch.tensor([[*source, END]]), torch.tensor([target]))
        target.append(int(logits[0, -1].argmax()))
    (actual,) = translate(model, [source], end=END, max_new_tokens=6)
    expected = target[1:]
    assert actual == (expected[:-1] if expected[-1] == END else expected)


def test_beams_finish_only_ends_among_the_best() -> None:
    search = Beams(2, END, 1.0)
    assert search.advance([-1.0, -2.0, -3.0, -4.0], [0] * 4, [5, 6, END, 7]) == [0, 0]
    assert search.finished == []  # the third best of two
    assert search.advance([-2.0, -3.0, -4.0, -5.0], [1, 0, 0, 1], [END, 7, 8, END]) == [0, 0]
    assert [tuple(h) for h in search.finished] == [(-1.0, [6])]
    assert search.rows == [[5, 7], [5, 8]]
    search.advance([-4.0, -5.0], [0, 1], [END, 9])
    assert search.is_done
    assert search.rows[0] == [5, 8, 9]


def test_translate_invalid_args_raises() -> None:
    model = network(5)
    for options in ({"beams": 0}, {"max_new_tokens": 0}):
        with pytest.raises(ValueError, match="beams and tokens are 1 or more"):
            translate(model, TEXTS, end=END, **options)
    with pytest.raises(ValueError, match=r"token ids are 0\.\.4, not 9"):
        translate(model, [[9]], end=END)
    with pytest.raises(ValueError, match="leaves no room in the context of 12"):
        translate(model, [[1] * 12], end=END)
    model.tok_embeddings.weight.data[2] = torch.nan
    with pytest.raises(FloatingPointError, match="logits are not finite"):
        translate(model, TEXTS, end=END)
