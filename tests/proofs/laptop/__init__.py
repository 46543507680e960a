"""Laptop: faults, permissions, recipes and swaps under load, over real HTTP on a laptop cloud."""
