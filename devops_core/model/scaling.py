"""Scalable targets of Application Auto Scaling."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

# The alarms of an idle slot ask for scale-in, because it receives no requests. After the switch
# they do so until they have seen the customers for this long: an alarm of scale-in evaluates 15
# minutes (Application Auto Scaling User Guide, "How target tracking scaling works").
SCALE_IN_EVALUATION = timedelta(minutes=15)
# A raised minimum ends by itself after this time. A swap renews it before each shift, so that at
# least `SCALE_IN_EVALUATION` remains after the switch.
RAISED_MINIMUM = 2 * SCALE_IN_EVALUATION


class ScalableTarget(NamedTuple):
    """A registered ECS service: the limits of its task count, and whether it can scale."""

    minimum: int
    maximum: int
    scales_in: bool = True
    scales_out: bool = True
