"""Swaps under load: the effect on customers, and the duration of a swap.

Both production slots of a laptop cloud run real processes. Clients send real requests through the
load balancer to both listeners, while swaps are requested from the service's API.
"""

from __future__ import annotations
