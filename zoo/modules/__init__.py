"""Backbones and blocks that several papers share, with extension points."""
