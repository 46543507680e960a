"""The state of a laptop cloud that `KEEP=1` keeps after a stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.laptop import state
from tools.laptop.clock import Clock
from tools.laptop.cloud import CloudError, Options, _clock, _port


def test_without_kept_state_there_is_no_port(tmp_path: Path) -> None:
    assert state.port(tmp_path) == 0
    state.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_port_and_installation_come_back_with_the_state(tmp_path: Path) -> None:
    state.restore(tmp_path, 4566, Clock())
    assert not (tmp_path / "env").exists()
    (tmp_path / "env").write_text("API_URL=x\n")
    (tmp_path / "pipeline.env").write_text("API_URL=y\n")
    state.save(tmp_path)
    assert state.environments(tmp_path) == []
    assert state.port(tmp_path) == 4566
    state.restore(tmp_path, 4566, Clock())
    assert (tmp_path / "env").read_text() == "API_URL=x\n"
    assert (tmp_path / "pipeline.env").read_text() == "API_URL=y\n"


def test_removed_state_has_no_port(tmp_path: Path) -> None:
    state.restore(tmp_path, 4566, Clock())
    state.remove(tmp_path)
    assert state.port(tmp_path) == 0


def test_kept_state_is_bound_to_its_port(tmp_path: Path) -> None:
    port = _port(tmp_path, Options())
    state.restore(tmp_path, port, Clock())
    assert _port(tmp_path, Options(keep=True)) == port
    assert _port(tmp_path, Options(port=port, keep=True)) == port
    with pytest.raises(CloudError, match=str(port)):
        _port(tmp_path, Options(port=port + 1, keep=True))


def test_kept_state_continues_its_clock(tmp_path: Path) -> None:
    kept = Clock(1000.0, 3.0)
    state.restore(tmp_path, 4566, kept)
    assert _clock(tmp_path, Options(keep=True, minute=3.0)) == kept
    with pytest.raises(CloudError, match="has 3 seconds, not 60"):
        _clock(tmp_path, Options(keep=True))
    started = _clock(tmp_path, Options(minute=2.0))
    assert started.minute == 2.0
    assert started.origin > kept.origin
