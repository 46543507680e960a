"""The package as Lambda installs it: unpacked and read-only, with the SDK of the machine beside."""

from __future__ import annotations

import compileall
import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path

from tools.laptop.packages import copied, package

# The SDK and what it needs, which the Lambda runtime brings along.
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


class PackageError(Exception):
    """The package cannot be built; the message is what the deploy tool says."""


def built(directory: Path) -> Path:
    """Build the package of the working tree in an empty directory; return the zip archive."""
    copy = copied(directory)
    done = package(copy)
    if done.returncode != 0:
        raise PackageError(done.stdout + done.stderr)
    return copy / ".serverless" / "devops-ecs.zip"


def unpacked(archive: Path, directory: Path) -> Path:
    """Unpack a package as Lambda does, into an empty directory that nobody may write to then."""
    zipfile.ZipFile(archive).extractall(directory)
    for path in (directory, *directory.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    return directory


def sdk(directory: Path) -> Path:
    """Put the SDK of this environment into an empty directory, and nothing else of it."""
    for name in SDK:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise PackageError(f"{name} is not installed: run `make test` or pip once")
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            (directory / name).symlink_to(origin.parent)
        else:
            # A link would leave its bytecode behind.
            shutil.copy2(origin, directory)
    compileall.compile_dir(directory, maxlevels=0, quiet=1)
    return directory


def interpreter() -> str:
    """Return the interpreter without the packages and start-up hooks of a virtual environment."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)))


def environment(home: Path, path: list[Path], endpoint: str) -> dict[str, str]:
    """Return what a process gets to know: credentials and address, and nothing of the user's."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        # As where nothing can be written, also for root, who may write everywhere.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # nosec B105 - the emulator's, not a secret
        "AWS_ENDPOINT_URL": endpoint,
    }
