"""Trims botocore's service models to selected operations and their shapes.

It reads only the data files, from a folder or a wheel, so that a deploy does not require botocore.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
# Returns the content of a data file of botocore; None if the file does not exist.
Read = Callable[[str], bytes | None]


class ModelError(Exception):
    """The data files of botocore lack a service, an operation or a file."""


def trim_models(
    names: Sequence[str], read: Read, operations: Mapping[str, Sequence[str]]
) -> dict[str, bytes]:
    """Return the files of a models folder by name.

    Args:
        names: the names of botocore's data files.
        read: reads a data file.
        operations: the operations to keep, by service.

    Raises:
        ModelError: botocore lacks a service or an operation.

    """
    files = {}
    prefixes = set()
    for service, kept in operations.items():
        name = f"{service}/{_newest(names, service)}/service-2.json"
        model = trim_model(_load(read, name), kept, service)
        prefixes.add(model["metadata"]["endpointPrefix"])
        files[name] = _dump(model)
    files["endpoints.json"] = _dump(trim_endpoints(_load(read, "endpoints.json"), prefixes))
    return files


def read_folder(data: Path) -> tuple[list[str], Read]:
    """Return the names of the data files of an installed botocore, and a reader for them."""
    names = [path.relative_to(data).as_posix() for path in data.glob("*/*/service-2.json*")]

    def read(name: str) -> bytes | None:
        path = data / name
        return path.read_bytes() if path.exists() else None

    return names, read


def read_wheel(wheel: zipfile.ZipFile) -> tuple[list[str], Read]:
    """Return the names of the data files of a botocore wheel, and a reader for them."""
    prefix = "botocore/data/"
    names = [name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)]

    def read(name: str) -> bytes | None:
        return wheel.read(prefix + name) if name in known else None

    known = set(names)
    return names, read


def trim_model(model: Json, kept: Sequence[str], service: str = "") -> Json:
    """Return a service model with the operations `kept`, their shapes, and all errors.

    All errors are kept, because a service may return an error that the model does not list for the
    operation; the SDK reads the members of such errors, too.
    """
    unknown = set(kept) - set(model["operations"])
    if unknown:
        raise ModelError(f"botocore has no {service} operation {', '.join(sorted(unknown))}")
    operations = {name: model["operations"][name] for name in sorted(set(kept))}
    shapes = model["shapes"]
    wanted = {ref for operation in operations.values() for ref in _references(operation)}
    wanted |= {name for name, shape in shapes.items() if shape.get("exception")}
    reached: set[str] = set()
    while wanted:
        reached |= wanted
        wanted = {ref for name in wanted for ref in _references(shapes[name])} - reached
    shapes = {name: shapes[name] for name in shapes if name in reached}
    whole: Json = _undocumented(model | {"operations": operations, "shapes": shapes})
    return whole


def trim_endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    """Return endpoints.json with only the services of the given endpoint prefixes."""
    partitions = [
        partition
        | {
            "services": {
                name: service for name, service in partition["services"].items() if name in prefixes
            }
        }
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _newest(names: Sequence[str], service: str) -> str:
    """Return the newest version of a service's API ("2012-08-10")."""
    parts = [name.split("/") for name in names]
    versions = [
        each[1]
        for each in parts
        if len(each) == 3 and each[0] == service and each[2].startswith("service-2.json")
    ]
    if not versions:
        raise ModelError(f"botocore has no service {service}")
    return max(versions)


def _load(read: Read, name: str) -> Json:
    packed = read(f"{name}.gz")
    content = gzip.decompress(packed) if packed is not None else read(name)
    if content is None:
        raise ModelError(f"botocore has no file {name}")
    loaded: Json = json.loads(content)
    return loaded


def _dump(content: Json) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _references(part: Any) -> Iterator[str]:
    """Yield the names of the shapes that a part of a model references."""
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            # A member of a structure may have the name "shape"; then the value is not a text.
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)


def _undocumented(part: Any) -> Any:
    if isinstance(part, list):
        return [_undocumented(each) for each in part]
    if not isinstance(part, dict):
        return part
    # Empty instead of removed, because botocore reads some of them. A member of a structure may
    # have the name "documentation"; then the value is not a text.
    return {
        key: "" if key == "documentation" and isinstance(value, str) else _undocumented(value)
        for key, value in part.items()
    }
