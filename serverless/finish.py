"""Finishes the Lambda package: adds trimmed service models and bytecode.

`python3 -m serverless.finish PACKAGE --runtime python3.13 --cache FOLDER`, from the folder of the
service; the plugin `finish-package.js` runs it. It requires only pip.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from devops_core.adapters.aws.models import MODELLED
from serverless import models
from serverless.bytecode import cache_tag, compile_sources

# The folder of the models in the package, known to `devops_core.adapters.aws.session`.
MODELS = "service_models"
# The earliest possible date in a zip archive. A constant date makes the archive reproducible.
_DATE = (1980, 1, 1, 0, 0, 0)
_PIN = re.compile(r"^botocore==(\S+) --hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


class PackageError(Exception):
    """The package cannot be finished; the message names the remedy."""


def finish(package: Path, runtime: str, service_models: Mapping[str, bytes]) -> str | None:
    """Add models and bytecode to a package; return a warning if bytecode is missing."""
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if _is_source(name)}
    sources = {name: content for name, content in files.items() if name.endswith(".py")}
    files |= {f"{MODELS}/{name}": content for name, content in service_models.items()}
    tags: dict[str, str] = {}
    for python in (runtime, sys.executable):
        tag = cache_tag(python)
        if tag and tag not in tags:
            tags[tag] = python
            with tempfile.TemporaryDirectory() as folder:
                files |= compile_sources(python, sources, Path(folder))
    _write(package, files)
    if runtime.replace("python3.", "cpython-3") in tags:
        return None
    return (
        f"{runtime} is not on this machine, so the package has no bytecode for it: every cold start"
        f" of a function compiles the sources. Install {runtime} and deploy again."
    )


def fetch_botocore(requirements: Path, cache: Path) -> Path:
    """Return the wheel of the pinned botocore; pip downloads it into the cache once.

    Raises:
        PackageError: botocore is not pinned with the hash of its wheel, the download failed, or a
            file in the cache has another hash.

    """
    pin = _PIN.search(requirements.read_text())
    if pin is None:
        raise PackageError(
            f"{requirements} does not pin botocore: write botocore==... --hash=sha256:..."
        )
    wheel = cache / f"botocore-{pin[1]}-py3-none-any.whl"
    if not wheel.exists():
        _download(requirements, pin[1], wheel)
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != pin[2]:
        raise PackageError(f"{wheel} does not have the hash in {requirements}: remove this file")
    return wheel


def _download(requirements: Path, version: str, wheel: Path) -> None:
    wheel.parent.mkdir(parents=True, exist_ok=True)
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "-q"]
    options += ["--require-hashes", "-r", str(requirements), "-d", str(wheel.parent)]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pip", "download", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0 or not wheel.exists():
        raise PackageError(
            f"pip cannot download botocore {version}, whose service models the package needs; check"
            f" the network and pip's index, or put {wheel.name} into {wheel.parent}."
            f"\n{done.stderr.strip()}"
        )


def _is_source(name: str) -> bool:
    # Files that an earlier run has added are generated again.
    return not name.endswith((".pyc", "/")) and not name.startswith(f"{MODELS}/")


def _write(package: Path, files: Mapping[str, bytes]) -> None:
    unfinished = package.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            # A regular file, readable for all users, because functions run as another user.
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)
    unfinished.replace(package)


def main() -> None:
    """Finish the package that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--runtime", required=True, help="the interpreter, such as python3.13")
    parser.add_argument("--cache", type=Path, required=True, help="folder for botocore's wheel")
    options = parser.parse_args()
    try:
        wheel = fetch_botocore(Path("requirements.txt"), options.cache)
        with zipfile.ZipFile(wheel) as archive:
            made = models.trim_models(*models.read_wheel(archive), MODELLED)
        warning = finish(options.package, options.runtime, made)
    except (PackageError, models.ModelError) as error:
        sys.exit(str(error))
    if warning:
        sys.stdout.write(f"{warning}\n")


if __name__ == "__main__":
    main()
