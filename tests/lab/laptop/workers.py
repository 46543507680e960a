"""Kill the Lambda worker at the other end of a connection."""

from __future__ import annotations

from pathlib import Path

from tools.laptop import processes

_TCP = Path("/proc/net/tcp")


def kill_worker(directory: Path, here: int, there: int) -> None:
    """Kill -9 the process of a laptop cloud that has the connection to a port from another.

    Args:
        directory: that of the laptop cloud.
        here: the port that it is connected to.
        there: the port at the process's own end.

    """
    socket = socket_of(here, there, _TCP.read_text())
    holders = [pid for pid in processes.started_by(directory) if _holds(pid, socket)]
    assert len(holders) == 1, f"{len(holders)} processes have {socket}"
    processes.kill(holders)


def socket_of(here: int, there: int, table: str) -> str:
    """Return the link of the file descriptor of a connection's client.

    The columns are those of /proc/net/tcp (proc(5)). Both ports are looked at: two connections
    to different servers may have the same port at the client's end.
    """
    for columns in map(str.split, table.splitlines()[1:]):
        own, other = (int(columns[n].rpartition(":")[2], 16) for n in (1, 2))
        if (own, other) == (there, here) and columns[9] != "0":
            return f"socket:[{columns[9]}]"
    raise LookupError(f"there is no connection from port {there} to {here}")


def _holds(pid: int, socket: str) -> bool:
    try:
        return any(str(each.readlink()) == socket for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # the process has ended
        return False
