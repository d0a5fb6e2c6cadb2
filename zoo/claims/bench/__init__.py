"""Residual streams of language models beside one another: a comparison that no paper made.

designs on one decoder -> training runs by seed, rounds of timing -> losses, p-values, ratios

One parameter budget, recipe and text; our small-scale trials, which decide no claim of a paper.
"""
