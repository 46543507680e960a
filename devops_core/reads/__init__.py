"""Queries: the inventory, operations, events and health. They change nothing."""
