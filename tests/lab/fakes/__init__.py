"""The world outside as far as the service needs it, in memory: `ports.Cloud` without AWS.

Everything is deterministic. Time passes only when a test (or `Clock.wait`) says so, AWS comes
further only when it is looked at or told to, and every outgoing call goes over one `Wire`, where
it is written down and where tests put faults.
"""

from tests.lab.fakes.cloud import ACCOUNT, REGION, FakeCloud, settings
from tests.lab.fakes.wire import Call, Crash, Wire

__all__ = ["ACCOUNT", "REGION", "Call", "Crash", "FakeCloud", "Wire", "settings"]
