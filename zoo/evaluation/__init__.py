"""Evaluation: weights on a benchmark, by a protocol, on any number of processes.

EvalSpec -> evaluator -> engine (shard, predict, gather) -> EvalOutput -> EvalRecord in the ledger
"""
