"""Runs the generators of clients on docs/openapi.yml."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tests.lab.templates import ROOT
from tools.contract.document import FILE, Operation
from tools.laptop.packages import NODE_MODULES

# `make test` installs both generators.
_GENERATORS = ROOT / ".local" / "generators" / "venv" / "bin"
_NODE = NODE_MODULES / ".bin"


@dataclass(frozen=True)
class PythonClient:
    """A generated Python package that is imported under `name`."""

    name: str

    def module(self, path: str) -> Any:
        """Return a module of the package ("models")."""
        return import_module(f"{self.name}.{path}")

    def endpoint(self, call: Operation) -> Any:
        """Return the module of an operation; its function `sync` makes the call."""
        (tag,) = call.parts["tags"]
        return self.module(f"api.{tag.lower()}.{snake_case(call.id)}")


def python_client(package: Path) -> PythonClient:
    """Generate the Python client as a package, and import it.

    Fails if the generator has a warning. The name of the directory must be a new module name.
    """
    generator = _GENERATORS / "openapi-python-client"
    command: list[str | Path] = [generator, "generate", "--path", FILE, "--output-path", package]
    _run([*command, "--meta", "none", "--fail-on-warning"])
    spec = spec_from_file_location(
        package.name, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[package.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return PythonClient(package.name)


def typescript(file: Path) -> None:
    """Generate the TypeScript types. Fails if the generator has a warning."""
    # Without the option every field with a default value is required.
    options = ["--output", str(file), "--default-non-nullable=false"]
    printed = _run([_NODE / "openapi-typescript", FILE, *options])
    assert "warn" not in printed.lower(), printed


def compile_typescript(program: Path) -> None:
    """Check the types of a program."""
    _run([_NODE / "tsc", "--noEmit", "--strict", "--target", "es2022", program])


def snake_case(name: str) -> str:
    """Return the Python name of an operation or a parameter ("Idempotency-Key")."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").lower()


def _run(command: Sequence[str | Path]) -> str:
    """Run a generator or the compiler; return its output."""
    done = subprocess.run(  # noqa: S603 - the tools of package.json and requirements.txt, no shell
        command,
        cwd=ROOT,
        # The generator of Python clients formats its code with the ruff of its own environment.
        env={**os.environ, "PATH": os.pathsep.join([str(_GENERATORS), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed
