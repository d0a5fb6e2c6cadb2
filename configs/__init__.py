"""Recipes: one run each."""
