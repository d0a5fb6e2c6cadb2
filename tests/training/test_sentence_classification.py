"""Training on sentences: batches, padding, the recipes of the trial, a run of the loop."""

from dataclasses import replace
from pathlib import Path

import torch

from configs.sentence_classification import NETWORKS, sentences
from tests.support.sentences import write_set
from zoo.claims.retraining import score
from zoo.training import train
from zoo.training.sentence_classification import SentenceClassification, ShuffledSentences

IDS = [torch.arange(1, 1 + i % 4) if i % 4 else torch.tensor([0]) for i in range(10)]


def test_batches_have_every_sentence_once_and_no_longer_than_needed() -> None:
    data = ShuffledSentences(IDS, torch.arange(10), batch_size=3)
    batches = list(data.batches(torch.Generator().manual_seed(0)))
    assert len(batches) == data.steps == 3  # the last sentence would be a smaller batch
    assert len({int(label) for _, labels in batches for label in labels}) == 9
    for ids, labels in batches:
        assert ids.shape[1] == max(len(IDS[label]) for label in labels)
        for row, label in zip(ids, labels, strict=True):
            assert row[row != 0].tolist() == [i for i in IDS[label].tolist() if i]


def test_later_batches_and_small_sets_are_the_same() -> None:
    data = ShuffledSentences(IDS, torch.arange(10), batch_size=99)
    assert (data.batch_size, data.steps) == (10, 1)
    data = ShuffledSentences(IDS, torch.arange(10), batch_size=4)
    whole = list(data.batches(torch.Generator().manual_seed(3)))
    (last,) = data.batches(torch.Generator().manual_seed(3), 1)
    assert torch.equal(last[0], whole[1][0])


def test_recipes_of_the_trial_differ_in_the_network_alone() -> None:
    recipes = [
        vars(sentences(name, "sentences/trec", "zoo_trec"))
        | {"name": "", "model": "", "schedule": ""}
        for name in NETWORKS
    ]
    assert all(recipe == recipes[0] for recipe in recipes)


def test_network_learns_sentences_and_is_scored(tmp_path: Path) -> None:
    write_set(tmp_path, "trec")
    recipe = sentences("dc_bi_lstm_15", "sentences/trec", "zoo_trec")
    sizes = {"vocab": 20, "layers": 1, "width": 4, "last_width": 8}
    recipe = replace(recipe, epochs=1, args={**recipe.args, **sizes}, lr=0.02)
    run = train(recipe, seed=0, out=tmp_path / "run", data=tmp_path, quiet=True)
    assert run.history[-1]["error"] < 40
    assert score(run, "sentences/trec", tmp_path)["sentences/trec"]["error"]["value"] < 5


def test_vocabulary_is_as_large_as_the_network_reads() -> None:
    data = SentenceClassification().load("pep_sections/train", 200, {"vocab_size": 50}, None)
    assert data.ids.max() == 49
    assert data.ids.shape == (1540, 50)
