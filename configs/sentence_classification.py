"""Dense and stacked Bi-LSTMs of as many parameters, on sentences: a trial on a CPU.

python -m eval.trials configs/sentence_classification.py --test sentences/trec --data DIR \\
    --recipes bi_lstm dc_bi_lstm_15 stacked_bi_lstm_15
python -m zoo.training configs/sentence_classification.py:dc_bi_lstm_15_sections
"""

from torch.optim import Adam

from zoo.data.benchmarks import BENCHMARKS
from zoo.training import Recipe
from zoo.training.sentence_classification import SentenceClassification

NETWORKS = ("bi_lstm", "dc_bi_lstm_15", "stacked_bi_lstm_15")


def sentences(model: str, dataset: str, tag: str) -> Recipe:
    """Return the recipe of a network: Adam at 0.005, batches of 200 and 20 epochs, as the authors'
    code has them, without their word vectors."""
    return Recipe(
        name=f"{model}.{tag}",
        model=model,
        dataset=dataset,
        epochs=20,
        batch_size=200,
        lr=5e-3,
        objective=SentenceClassification(),
        optimizer=Adam,
        schedule=lambda share: 1.0,
        args={"classes": BENCHMARKS[dataset].classes},
        source="1802.00889, code of its authors, shortened to trained vectors of 10,000 words",
        hardware="a CPU core",
        expected="five minutes",
    )


globals().update(
    {name: sentences(name, "sentences/trec", "zoo_trec") for name in NETWORKS}
    | {
        f"{name}_sections": sentences(name, "pep_sections/train", "zoo_sections")
        for name in NETWORKS
    }
)
