"""A state machine over the whole service: calls, faults, wake-ups, changes by hand, clocks."""
