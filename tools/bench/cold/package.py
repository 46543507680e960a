"""Prepares the package like Lambda: unpacked, read-only, with the SDK in a separate folder."""

from __future__ import annotations

import compileall
import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path

from tools.laptop.packages import copy_service, package

# The SDK and its dependencies, which are part of the Lambda runtime.
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


class PackageError(Exception):
    """The package cannot be built; the message is the output of the deploy tool."""


def build(directory: Path) -> Path:
    """Build the package of the working tree in an empty directory; return the zip archive."""
    copy = copy_service(directory)
    done = package(copy)
    if done.returncode != 0:
        raise PackageError(done.stdout + done.stderr)
    return copy / ".serverless" / "devops-ecs.zip"


def unpack(archive: Path, directory: Path) -> Path:
    """Unpack a package into an empty directory and make it read-only, as Lambda does."""
    zipfile.ZipFile(archive).extractall(directory)
    for path in (directory, *directory.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    return directory


def link_sdk(directory: Path) -> Path:
    """Provide only the SDK of this Python environment in an empty directory."""
    for name in SDK:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise PackageError(f"{name} is not installed: run `make test` or pip once")
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            (directory / name).symlink_to(origin.parent)
        else:
            # A copy, because the bytecode of a link would be missing.
            shutil.copy2(origin, directory)
    compileall.compile_dir(directory, maxlevels=0, quiet=1)
    return directory


def interpreter() -> str:
    """Return the base interpreter, without packages and hooks of the virtual environment."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)))


def environment(home: Path, path: list[Path], endpoint: str) -> dict[str, str]:
    """Return the environment of a process: credentials and endpoint, no variables of the user."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        # The package is read-only, but root ignores permissions; this also stops root from writing.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # nosec B105 - for the fake account, not a secret
        "AWS_ENDPOINT_URL": endpoint,
    }
