"""Swaps under load: whether a customer notices, and how long it takes.

Real processes in both production slots of a laptop cloud, real requests through its load balancer
on both listeners, and swaps by the service's own API meanwhile.
"""

from __future__ import annotations
