"""Finishes the Lambda package: adds service models that are cut down, and bytecode.

`python3 -m serverless.finish PACKAGE --runtime python3.13 --cache FOLDER`, from the folder of the
service; run by the plugin `finish-package.js`. Needs no package but pip, which the plugin
serverless-python-requirements needs as well.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from devops_core.adapters.aws.models import MODELLED
from serverless import models
from serverless.bytecode import cache_tag, compiled

# `devops_core.adapters.aws.session` looks for the models here.
MODELS = "service_models"
# The earliest date of a zip archive: the same content makes the same archive.
_DATE = (1980, 1, 1, 0, 0, 0)
_PIN = re.compile(r"^botocore==(\S+)", re.MULTILINE)


class PackageError(Exception):
    """The package cannot be finished; the message says what to do."""


def finish(package: Path, runtime: str, service_models: Mapping[str, bytes]) -> str | None:
    """Add to a package what makes a cold start cheap; return a warning if something is missing."""
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
                files |= compiled(python, sources, Path(folder))
    _write(package, files)
    if runtime.replace("python3.", "cpython-3") in tags:
        return None
    return (
        f"{runtime} is not on this machine, so the package has no bytecode for it: every cold start"
        f" of a function compiles the sources first. Install {runtime} and deploy again."
    )


def fetched(requirements: Path, cache: Path) -> Path:
    """Return the wheel of the botocore that is pinned; pip fetches it into the cache once."""
    pin = _PIN.search(requirements.read_text())
    if pin is None:
        raise PackageError(f"{requirements} pins no version of botocore: write botocore==...")
    wheel = cache / f"botocore-{pin[1]}-py3-none-any.whl"
    if wheel.exists():
        return wheel
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "-q", "-d"]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pip", "download", *options, str(cache), f"botocore=={pin[1]}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0 or not wheel.exists():
        raise PackageError(
            f"pip cannot fetch botocore {pin[1]}, whose service models the package needs; look to"
            f" the network or pip's index, or put {wheel.name} into {cache}.\n{done.stderr.strip()}"
        )
    return wheel


def _is_source(name: str) -> bool:
    # What an earlier run has added is made anew.
    return not name.endswith((".pyc", "/")) and not name.startswith(f"{MODELS}/")


def _write(package: Path, files: Mapping[str, bytes]) -> None:
    unfinished = package.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            # A regular file that everyone may read: functions run as a user of their own.
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)
    unfinished.replace(package)


def main() -> None:
    """Finish the package that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--runtime", required=True, help="the interpreter, as in python3.13")
    parser.add_argument("--cache", type=Path, required=True, help="keeps the wheel of botocore")
    options = parser.parse_args()
    try:
        wheel = fetched(Path("requirements.txt"), options.cache)
        with zipfile.ZipFile(wheel) as archive:
            made = models.trimmed(*models.in_wheel(archive), MODELLED)
        warning = finish(options.package, options.runtime, made)
    except (PackageError, models.ModelError) as error:
        sys.exit(str(error))
    if warning:
        sys.stdout.write(f"{warning}\n")


if __name__ == "__main__":
    main()
