"""Runs MiniStack with the corrections, in the foreground; `cloud` starts it and records its pid.

Its settings are environment variables that `cloud` prepares. It holds the lock of the laptop cloud
while it runs; other processes detect a running laptop cloud by this lock.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

LOCKED = 3  # exit status: another launcher holds the lock
STANDIN = Path(__file__).with_name("standin")


def main() -> int:
    """Serve until SIGTERM, then stop all tasks."""
    real_docker = os.environ.get("LAPTOP_DOCKER") == "1"
    if not real_docker:
        sys.path.insert(0, str(STANDIN))
    with Path(os.environ["LAPTOP_CLOUD"], "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return LOCKED
        if os.environ.get("LAPTOP_OWNED") == "1":
            threading.Thread(target=_stop_without_owner, daemon=True).start()
        serve(real_docker=real_docker)
    return 0


def _stop_without_owner() -> None:
    """Stop when standard input ends: the process that started the laptop cloud has ended."""
    while os.read(0, 1024):  # without a lock of sys.stdin, see task_server.exit_when_orphaned
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def serve(*, real_docker: bool) -> None:
    """Apply the patches and run the main function of the emulator."""
    # Imported here, because the emulator reads environment and sys.path during its import.
    from ministack import app

    from tools.laptop.emulator import engine
    from tools.laptop.patches import apply

    apply(real_docker=real_docker)
    sys.argv = ["ministack"]
    try:
        app.main()
    finally:
        engine().stop_all()


if __name__ == "__main__":
    sys.exit(main())
