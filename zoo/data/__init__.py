"""Benchmarks, data sets, transforms and tokenizers."""
