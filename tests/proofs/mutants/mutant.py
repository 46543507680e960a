"""A mutant, and what mutmut has found out about all of them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.diff_apply import generated_function_names
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

# A test that fails, hangs or brings the interpreter down has noticed.
_KILLED = ("killed", "timeout", "segfault")


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant is: the lines of a function that it changes, before and after.

    Unlike mutmut's numbers that stays the same when something else in the function changes.
    """

    module: str
    function: str
    was: str
    now: str

    def entry(self) -> str:
        """Return it as the list of what may survive has it, but for the reason (TOML)."""
        was, now = _toml(self.was), _toml(self.now)
        return f'[[{self.function}]]\nwas = {was}\nnow = [{now}]\nwhy = ""\n'


def _toml(text: str) -> str:
    """Return a text as a string of TOML, without escapes where that is possible."""
    return json.dumps(text) if "'" in text or not text.isprintable() else f"'{text}'"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutant that was put to the tests; `change` is told only of those that live."""

    name: str
    module: str
    verdict: str
    change: Change | None = None

    @property
    def killed(self) -> bool:
        """Whether a test has noticed."""
        return self.verdict in _KILLED


def mutants() -> Iterator[Mutant]:
    """Return the mutants of the last run, file by file; mutmut finds them below the directory."""
    for path in sorted(walk_mutatable_files()):
        data, lines = SourceFileMutationData(path=path), MutantLineSpans.load(path)
        data.load()
        module = _module(path)
        for name, exit_code in data.exit_code_by_key.items():
            mutant = Mutant(name, module, status_by_exit_code[exit_code])
            if lines is None or mutant.killed:
                yield mutant
            else:
                yield Mutant(name, module, mutant.verdict, _change(module, name, lines))


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _change(module: str, name: str, lines: MutantLineSpans) -> Change:
    names = generated_function_names(name)
    # The first line is the one that differs in the generated name.
    before, after = (dedent(text).splitlines() for text in lines.read_function_sources(names))
    function, _ = orig_function_and_class_names_from_key(name)
    was, now = changed_lines(
        [line.replace(names[0], function) for line in before],
        [line.replace(names[1], function) for line in after],
    )
    return Change(module, function, was, now)


def changed_lines(before: list[str], after: list[str]) -> tuple[str, str]:
    """Return what differs between two texts, each side as one line without indentation."""
    differing = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    was, now = (
        " ".join(line[1:].strip() for line in differing if line.startswith(sign)) for sign in "-+"
    )
    return was, now
