"""The types that openapi-typescript generates: complete, and checked by the compiler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.generators import compile_typescript, typescript
from tools.contract.document import JSON, Node, Operation, document, examples, operations

SCHEMAS: Node = document()["components"]["schemas"]
# Types that accept everything would accept the examples as well.
REFUSED = """
// @ts-expect-error
export const unknownField: components["schemas"]["Service"] = { colour: "red" };
// @ts-expect-error
export const wrongSize: components["schemas"]["Service"] = { cpu: 300 };
type Conflict = paths["/stacks/deploy"]["post"]["responses"][409]["content"]["application/json"];
// @ts-expect-error
export const codeOfSwap: Conflict = { errorMessage: "", code: "CONFLICT" };
"""


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated file."""
    file = tmp_path_factory.mktemp("generated") / "devops.ts"
    typescript(file)
    return file


def program() -> Iterator[str]:
    """Return a program that names every property and has every example of the contract."""
    yield 'import type { components, paths } from "./devops";'
    for name, schema in SCHEMAS.items():
        properties = [f'components["schemas"]["{name}"]']
        properties += [f'{properties[0]}["{each}"]' for each in schema.get("properties", ())]
        yield f"export type {name} = [{', '.join(properties)}];"
    for call in operations().values():
        yield from _constants(call)


def _constants(call: Operation) -> Iterator[str]:
    route = f'paths["{call.path}"]["{call.method.lower()}"]'
    content = f'["content"]["{JSON}"]'
    if call.body:
        for name, example in call.body["examples"].items():
            of_body = f'NonNullable<{route}["requestBody"]>{content}'
            yield _constant(f"{call.id}_{name}", of_body, example["value"])
    for status, response in call.responses.items():
        for name, example in examples(response).items():
            of_answer = f'{route}["responses"][{status}]{content}'
            yield _constant(f"{call.id}_{status}_{name}", of_answer, example["value"])


def _constant(name: str, kind: str, value: Any) -> str:
    return f"export const {name}: {kind} = {json.dumps(value)};"


def test_it_has_every_property_and_takes_every_example(types: Path) -> None:
    file = types.with_name("program.ts")
    file.write_text("\n".join([*program(), REFUSED]))
    compile_typescript(file)
