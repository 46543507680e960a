"""AWS in memory: `FakeCloud` implements `ports.Cloud`.

All behaviour is deterministic. Time passes only by calls of the clock. Stacks and rollouts advance
only when a test advances them or the service describes them. Each outgoing call passes one `Wire`,
which records it and injects the faults of tests.
"""

from tests.lab.fakes.cloud import ACCOUNT, REGION, FakeCloud, settings
from tests.lab.fakes.wire import Call, Crash, Wire

__all__ = ["ACCOUNT", "REGION", "Call", "Crash", "FakeCloud", "Wire", "settings"]
