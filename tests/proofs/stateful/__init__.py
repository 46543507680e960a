"""A state machine of the whole service: calls, faults, triggers, changes by hand, clocks."""
