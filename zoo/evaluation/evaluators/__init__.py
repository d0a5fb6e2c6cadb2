"""One evaluator per task: samples and a network in, predictions and scores out."""
