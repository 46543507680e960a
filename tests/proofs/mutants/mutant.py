"""The mutants of the last run of mutmut, and the accepted survivors."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.diff_apply import generated_function_names
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

# One file for each module.
_SURVIVORS = Path(__file__).with_name("survivors")
# The results of a mutant for which a test failed, did not end, or crashed the interpreter.
_KILLED = ("killed", "timeout", "segfault")


@dataclass(frozen=True, slots=True)
class Change:
    """The changed lines of a function, before and after the change.

    Unlike the numbers of mutmut, they remain the same if other lines of the function change.
    """

    module: str
    function: str
    was: str
    now: str

    def entry(self) -> str:
        """Return its entry for the list of accepted survivors in TOML, without the reason."""
        was, now = _toml(self.was), _toml(self.now)
        return f'[[{self.function}]]\nwas = {was}\nnow = [{now}]\nwhy = ""\n'


def _toml(text: str) -> str:
    """Return a text as a string of TOML, if possible without escapes."""
    return json.dumps(text) if "'" in text or not text.isprintable() else f"'{text}'"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutant and its result; only survivors have a `change`."""

    name: str
    module: str
    verdict: str
    change: Change | None = None

    @property
    def killed(self) -> bool:
        """Whether a test has failed."""
        return self.verdict in _KILLED


def mutants() -> Iterator[Mutant]:
    """Return the mutants of the last run in the current directory, file by file."""
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
    # mutmut generates different names in the first lines.
    before, after = (dedent(text).splitlines() for text in lines.read_function_sources(names))
    function, _ = orig_function_and_class_names_from_key(name)
    was, now = changed_lines(
        [line.replace(names[0], function) for line in before],
        [line.replace(names[1], function) for line in after],
    )
    return Change(module, function, was, now)


def changed_lines(before: list[str], after: list[str]) -> tuple[str, str]:
    """Return the different lines of two texts, each side as one line without indentation."""
    differing = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    was, now = (
        " ".join(line[1:].strip() for line in differing if line.startswith(sign)) for sign in "-+"
    )
    return was, now


def accepted_survivors() -> Mapping[Change, str]:
    """Return the accepted survivors with the reasons why a test cannot detect them."""
    return dict(_read_survivors())


def _read_survivors() -> Iterator[tuple[Change, str]]:
    for file in sorted(_SURVIVORS.glob("*.toml")):
        module = f"devops_core.{file.stem}"
        for function, entries in tomllib.loads(file.read_text()).items():
            for entry in entries:
                for now in entry["now"]:
                    yield Change(module, function, entry["was"], now), entry["why"]
