"""Measurements: samples in, one answer each, on any number of processes, and what that was worth.

works.py: what there is to measure    engine.py: the loop    classes, enlargements, tokens: its jobs
"""
