"""De-tokenizers: spaces and marks go, words stay; perplexity is per word of the stored text."""

import math

import numpy as np
import pytest

from tests.support.likelihoods import network
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.detokenizers import DETOKENIZERS, penn_treebank, wikitext
from zoo.data.texts import Texts
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.papers.protocols import SlidingWindowProtocol

WIKI = """ = Robert Boulter =

 He had a guest @-@ starring role ( " The Bill " ) , and 1 @,@ 000 things ; it 's his .
"""


def test_wikitext_undoes_marks() -> None:
    assert wikitext(WIKI) == (
        ' = Robert Boulter =\n\n He had a guest-starring role ("The Bill"), and 1,000 things; '
        "it's his.\n"
    )


def test_penn_treebank_undoes_contractions_and_amounts() -> None:
    text = " it did n't pay $ N billion or N % of investors ' money they 've had \n"
    expected = " it didn't pay $N billion or N% of investors' money they've had \n"
    assert penn_treebank(text) == expected


@pytest.mark.parametrize("name", DETOKENIZERS)
def test_detokenizers_change_no_letter(name: str) -> None:
    def letters(text: str) -> str:
        return "".join(text.replace("@", "").split())

    text = WIKI + ' <unk> cost $ 5 . 3 , 4 \' s \' [ x ] " a " b " \n'
    assert letters(DETOKENIZERS[name](text)) == letters(text)


def test_words_count_ends_of_lines() -> None:
    assert Texts((" no it was n't \n but <unk> \n",)).words == 8


def test_perplexity_per_word_divides_by_stored_words() -> None:
    benchmark = BENCHMARKS["ptb/test"]
    texts = Texts((" no it was n't black monday \n",))
    protocol = SlidingWindowProtocol(context=64, per="word", detokenize=True)
    task = tasks.TASKS["language-modeling"]
    scores = evaluate(task.evaluator(network(), texts, protocol, benchmark))["scores"]
    plain = Texts((penn_treebank(texts.documents[0]),))
    per_token = SlidingWindowProtocol(context=64)
    other = evaluate(task.evaluator(network(), plain, per_token, benchmark))["scores"]
    nats = other["loss"]["count"]
    assert scores["loss"]["count"] == pytest.approx(nats)
    assert scores["perplexity"]["value"] == pytest.approx(math.exp(nats / 7))
    assert other["perplexity"]["value"] == pytest.approx(math.exp(other["loss"]["value"]))
    characters = len(texts.documents[0])
    assert scores["bits_per_character"]["value"] == pytest.approx(nats / math.log(2) / characters)


def test_perplexity_per_word_of_ids_raises() -> None:
    from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator

    with pytest.raises(ValueError, match="a perplexity per word needs a text"):
        LanguageModelingEvaluator(
            network(), np.arange(9), SlidingWindowProtocol(context=8, per="word")
        )
