"""Drift: detection and recording of changes outside of this service.

Only records are changed: a listener or a service that was changed by hand stays as it is. Each
correction is one transaction, and an operation of the kind "repair" that ends with it.
"""
