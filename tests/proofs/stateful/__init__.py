"""Stateful: random sequences of calls, faults, triggers, manual changes and clock changes."""
