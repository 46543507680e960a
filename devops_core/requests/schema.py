"""Declarations of requests: types with their bounds, members with their descriptions and defaults.

`Object.parse` reads a request by its declaration and reports all faults at once. The package
`tools.contract` derives three things from the same declaration: the schemas of docs/openapi.yml,
the field tables of the documentation, and the checks of the command line. A cold start loads this
module, so its classes are plain, which costs a tenth of a dataclass, and `re` compiles a pattern
when a request first needs it (docs/decisions/0008-own-request-schema.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from devops_core.errors import InvalidRequestError, brief

T = TypeVar("T")
# A field ("service.cpu") and a message that follows its name ("is required").
Fault = tuple[str, str]
# Finds the faults between the members of an object. Its arguments are the members and the context
# of `Object.parse`. A member is None if it is faulty itself, or missing without a default.
Check = Callable[[Mapping[str, Any], Mapping[str, Any]], Iterable[Fault]]


class InvalidValueError(Exception):
    """A value does not have its declared type; the message is for the caller."""


class Type:
    """A type of JSON values. `name` is its component in docs/openapi.yml; None without one."""

    name: str | None = None
    description = ""

    def accept(self, value: Any) -> Any:
        """Return the Python value of a JSON value. Raises InvalidValueError."""
        raise NotImplementedError

    def read(self, value: Any, field: str, faults: list[Fault], context: Mapping[str, Any]) -> Any:
        """Return the Python value of a JSON value; None after adding its faults to `faults`."""
        del context
        try:
            return self.accept(value)
        except InvalidValueError as error:
            faults.append((field, str(error)))
            return None


class Text(Type):
    """A string of at most `longest` characters that matches the whole of `pattern`.

    `reserved` maps strings that are refused in spite of the pattern to the message. `convert`
    makes the Python value; its ValueError or OverflowError refuses the string. `format` is the
    one of JSON Schema that has the meaning of `pattern` and `convert`. `wrong_type` is the message
    for values of other JSON types, by default `message`.
    """

    def __init__(
        self,
        pattern: str,
        message: str,
        longest: int | None = None,
        *,
        reserved: Mapping[str, str] | None = None,
        convert: Callable[[str], Any] = str,
        format: str | None = None,  # noqa: A002 - the keyword of JSON Schema
        wrong_type: str | None = None,
        name: str | None = None,
        description: str = "",
    ) -> None:
        self.pattern, self.message, self.longest = pattern, message, longest
        self.reserved, self.convert, self.format = reserved or {}, convert, format
        self.wrong_type = wrong_type or message
        self.name, self.description = name, description

    def accept(self, value: Any) -> Any:
        """Return what `convert` makes of the string."""
        if not isinstance(value, str):
            raise InvalidValueError(self.wrong_type)
        if len(value) > (self.longest or len(value)):
            raise InvalidValueError(self.message)
        if value in self.reserved:
            raise InvalidValueError(self.reserved[value])
        if not re.fullmatch(self.pattern, value):
            raise InvalidValueError(self.message)
        try:
            return self.convert(value)
        except (ValueError, OverflowError) as error:
            raise InvalidValueError(self.message) from error


class Integer(Type):
    """A whole number, one of `allowed` unless that is None.

    `allowed_with` names another member of the object and maps its values to the allowed ones; the
    check of the object enforces it.
    """

    def __init__(
        self,
        allowed: range | Collection[int] | None = None,
        message: str | None = None,
        *,
        allowed_with: tuple[str, Mapping[int, Collection[int]]] | None = None,
    ) -> None:
        bounds = f" from {allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ""
        self.allowed, self.allowed_with = allowed, allowed_with
        self.message = message or f"must be a whole number{bounds}"

    def accept(self, value: Any) -> int:
        """Return the number. In Python `True` is an int, but not in JSON."""
        if type(value) is not int or (self.allowed is not None and value not in self.allowed):
            raise InvalidValueError(self.message)
        return value


class Number(Type):
    """A number from `least` to `most`, with or without a fraction."""

    def __init__(self, least: float, most: float) -> None:
        self.least, self.most = least, most

    def accept(self, value: Any) -> Any:
        """Return the number. In Python `True` is an int, but not in JSON."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.least <= value <= self.most:
            raise InvalidValueError(f"must be a number from {self.least:g} to {self.most:g}")
        return value


class Boolean(Type):
    """True or false."""

    def accept(self, value: Any) -> bool:
        """Return the value."""
        if not isinstance(value, bool):
            raise InvalidValueError("must be true or false")
        return value


def _suggestion(given: str, known: Iterable[str]) -> str:
    """Return a question with the known name that differs only in case, if there is one."""
    same = next((each for each in known if each.lower() == given.lower()), None)
    return f": did you mean {same}?" if same else ""


class Choice(Type):
    """One of some strings; `values` has the Python value of each."""

    def __init__(self, values: Mapping[str, Any], name: str | None = None) -> None:
        self.values, self.name = values, name

    def accept(self, value: Any) -> Any:
        """Return the Python value of the string."""
        # Other values are not repeated: they can be too deeply nested to be written again.
        if not isinstance(value, str):
            raise InvalidValueError(f"must be one of {', '.join(self.values)}")
        if value not in self.values:
            raise InvalidValueError(
                f'"{brief(value)}" is not one of {", ".join(self.values)}'
                f"{_suggestion(value, self.values)}"
            )
        return self.values[value]


class List(Type):
    """A list of `least` to `most` strings or numbers; `items` names them in the message.

    The items differ unless `distinct` is false.
    """

    def __init__(
        self,
        item: Text | Choice | Integer,
        items: str,
        least: int = 0,
        most: int | None = None,
        *,
        distinct: bool = True,
    ) -> None:
        self.item, self.least, self.most, self.distinct = item, least, most, distinct
        self.message = f"must be a list of {items}"

    def accept(self, value: Any) -> tuple[Any, ...]:
        """Return the Python values of the items."""
        if not isinstance(value, list) or len(value) > (self.most or len(value)):
            raise InvalidValueError(self.message)
        if not isinstance(self.item, Integer) and not all(isinstance(each, str) for each in value):
            raise InvalidValueError(self.message)
        if len(value) < self.least:
            raise InvalidValueError("must not be empty")
        found = tuple(self.item.accept(item) for item in value)
        if self.distinct and len(set(value)) < len(value):
            repeated = next(item for item in value if value.count(item) > 1)
            raise InvalidValueError(f"must not contain {brief(str(repeated))} more than once")
        return found


class Member(NamedTuple):
    """A member of an object: its type, and its meaning in this object.

    A member that is missing has the default, which is a JSON value, or becomes None. `attribute`
    is its name in Python if that is not the one in JSON. `required_unless` is the name of a member
    that replaces this one if it is true.
    """

    type: Type
    description: str = ""
    required: bool = False
    default: Any = None
    attribute: str | None = None
    example: Any = None
    required_unless: str | None = None


class Object(Type, Generic[T]):
    """A JSON object; `make` takes its members as keyword arguments.

    `others` are the types of the names and values of further members, of which none are allowed
    without it. The object has at most `most` members. A `partial` object with faults, and one with
    `others`, still takes part in the check of the object that contains it; its faulty members are
    None. A missing member without a default is not an argument of `make` in a `sparse` object.
    """

    def __init__(
        self,
        make: Callable[..., T],
        members: Mapping[str, Member],
        *,
        others: tuple[Text, Text | Choice] | None = None,
        most: int | None = None,
        check: Check | None = None,
        partial: bool = False,
        sparse: bool = False,
        name: str | None = None,
        description: str = "",
    ) -> None:
        self.make, self.members, self.others, self.most = make, members, others, most
        self.sparse = sparse
        self.partial = partial or others is not None
        self.check, self.name, self.description = check, name, description

    def parse(self, body: Any, **context: Any) -> T:
        """Return the request of a body; `context` is for the checks.

        Raises InvalidRequestError with all faults of the body.
        """
        faults: list[Fault] = []
        request: T = self.read(body, "", faults, context)
        if faults:
            raise InvalidRequestError(sorted(set(faults)))
        return request

    def parse_query(self, query: Mapping[str, str]) -> T:
        """Return the request of a query, in which numbers and truth values are text."""
        return self.parse({name: self._decode(name, text) for name, text in query.items()})

    def _decode(self, name: str, text: str) -> str | int:
        type_ = self.members[name].type if name in self.members else None
        if isinstance(type_, Boolean) and text in ("true", "false"):
            return text == "true"
        is_number = isinstance(type_, Integer) and re.fullmatch("0|-?[1-9][0-9]{0,17}", text)
        return int(text) if is_number else text

    def read(self, value: Any, field: str, faults: list[Fault], context: Mapping[str, Any]) -> Any:
        """Return what `make` makes of the members."""
        if not isinstance(value, dict):
            fault = (field, "must be an object") if field else ("body", "must be a JSON object")
            faults.append(fault)
            return None
        before, data = len(faults), {}
        if self.most is not None and len(value) > self.most:
            faults.append((field, f"must have at most {self.most} members"))
        for name, member in self.members.items():
            given = value.get(name, member.default)
            known = name in value or given is not None
            if member.required and not known:
                faults.append((_path(field, name), "is required"))
            other = member.required_unless
            if other and not known and value.get(other) is not True:
                message = f"is required, except with {other}: true"
                faults.append((_path(field, name), message))
            if known or not self.sparse:
                data[member.attribute or name] = (
                    member.type.read(given, _path(field, name), faults, context) if known else None
                )
        found = self._read_others(value, data)
        found += self.check(data, context) if self.check else ()
        faults += [(_path(field, name), message) for name, message in found]
        return self.make(**data) if len(faults) == before or self.partial else None

    def _read_others(self, value: Mapping[str, Any], data: dict[str, Any]) -> list[Fault]:
        """Add the members that are not declared to `data`, and return their faults."""
        found = []
        for name in [each for each in value if each not in self.members]:
            field = brief(name)  # the caller wrote the name
            if self.others is None:
                found.append((field, f"is not a known field{_suggestion(name, self.members)}"))
                continue
            names, values = self.others
            try:
                names.accept(name)
                data[name] = None
                data[name] = values.accept(value[name])
            except InvalidValueError as error:
                found.append((field, str(error)))
        return found


class Objects(Type):
    """A list of at most `most` objects; `items` names them in the message.

    The field of a fault has the position of its object: "sidecars.0.name". A faulty object that is
    not `partial` is None.
    """

    def __init__(self, item: Object[Any], items: str, most: int) -> None:
        self.item, self.most = item, most
        self.message = f"must be a list of {items}"

    def read(self, value: Any, field: str, faults: list[Fault], context: Mapping[str, Any]) -> Any:
        """Return what the objects make of their members."""
        if not isinstance(value, list) or len(value) > self.most:
            faults.append((field, self.message))
            return None
        return tuple(
            self.item.read(each, _path(field, str(number)), faults, context)
            for number, each in enumerate(value)
        )


class ObjectOrWord(Type):
    """An object, or one of the words of a choice instead of it."""

    def __init__(self, usual: Object[Any], word: Choice) -> None:
        self.object, self.word = usual, word

    def read(self, value: Any, field: str, faults: list[Fault], context: Mapping[str, Any]) -> Any:
        """Return the Python value of the word or of the object."""
        if isinstance(value, str) and value in self.word.values:
            return self.word.values[value]
        if isinstance(value, dict):
            return self.object.read(value, field, faults, context)
        words = " or ".join(f'"{word}"' for word in self.word.values)
        faults.append((field, f"must be an object or {words}"))
        return None


def _path(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name or "body"
