"""One evaluator per task: network and samples in, predictions and scores out."""
