"""Cuts botocore's service models down to some operations and the shapes that these reach.

Works on the files alone, in a folder or in a wheel: whoever deploys need not have botocore.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
# Returns the content of a file of botocore's, or None when there is not one of that name.
Read = Callable[[str], bytes | None]


class ModelError(Exception):
    """botocore's data is not what is expected; the message says of what."""


def trimmed(
    names: Sequence[str], read: Read, operations: Mapping[str, Sequence[str]]
) -> dict[str, bytes]:
    """Return the files of a models folder by name; `names` are those of botocore's data files.

    `operations` are to be kept, by service. Raises ModelError when botocore knows one not.
    """
    files = {}
    prefixes = set()
    for service, kept in operations.items():
        name = f"{service}/{_newest(names, service)}/service-2.json"
        model = trimmed_model(_load(read, name), kept, service)
        prefixes.add(model["metadata"]["endpointPrefix"])
        files[name] = _dump(model)
    files["endpoints.json"] = _dump(trimmed_endpoints(_load(read, "endpoints.json"), prefixes))
    return files


def in_folder(data: Path) -> tuple[list[str], Read]:
    """Return the names of the data files of an installed botocore, and how to read them."""
    names = [path.relative_to(data).as_posix() for path in data.glob("*/*/service-2.json*")]

    def read(name: str) -> bytes | None:
        path = data / name
        return path.read_bytes() if path.exists() else None

    return names, read


def in_wheel(wheel: zipfile.ZipFile) -> tuple[list[str], Read]:
    """Return the names of the data files of a botocore wheel, and how to read them."""
    prefix = "botocore/data/"
    names = [name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)]

    def read(name: str) -> bytes | None:
        return wheel.read(prefix + name) if name in known else None

    known = set(names)
    return names, read


def trimmed_model(model: Json, kept: Sequence[str], service: str = "") -> Json:
    """Return a service model with the operations `kept`, what they reach, and every error.

    All errors stay: a service may answer one that the model does not give for the operation, and
    the SDK reads its members all the same.
    """
    unknown = set(kept) - set(model["operations"])
    if unknown:
        raise ModelError(f"botocore knows no {service} operation {', '.join(sorted(unknown))}")
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


def trimmed_endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    """Return endpoints.json with the services of some endpoint prefixes, in every partition."""
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
    """Return the names of the shapes that a part of a model refers to."""
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            # A member may be called "shape", too: then its value is no name.
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)


def _undocumented(part: Any) -> Any:
    if isinstance(part, list):
        return [_undocumented(each) for each in part]
    if not isinstance(part, dict):
        return part
    # Left empty, not out: botocore asks for some of them. A member may be called "documentation",
    # too: then its value is no text.
    return {
        key: "" if key == "documentation" and isinstance(value, str) else _undocumented(value)
        for key, value in part.items()
    }
