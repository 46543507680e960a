"""Checks by tools: templates, sources, secrets and packages, side by side."""
