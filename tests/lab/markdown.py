"""The Markdown pages of the project: their links, anchors, commands and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.lab.templates import ROOT

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "tests/**/*.md", "tools/**/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(\s*([^)\s]+)[^)]*\)")
# A path of the repository: below a folder, with a suffix, or a folder with or without a last slash.
_PATH = re.compile(
    r"\.?\w[\w.-]*/(?:[\w.-]+/)*(?:[\w.-]+\.(?:py|md|js|json|yml|toml|txt|svg|sh))?"
    r"|(?:devops_cli|devops_core|docs|handlers|serverless|tests|tools)(?:/[\w-]+)+"
)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_EXTERNAL = re.compile(r"[a-z][a-z+.-]*:")
# A URL in a command: a quoted word, which can have spaces, or a plain one.
_URL = re.compile(r"\"((?:\$|http)[^\"]*)\"|'(http[^']*)'|\s((?:\$|http)[^\s\"']*)")
_PAIR = re.compile(r"[A-Za-z0-9._~-]+=(?:[A-Za-z0-9._~-]|%[0-9A-F]{2}|\$\w+|\$\{\w+\})*")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings; a repeated heading has a number (GitHub)."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def top_headings(text: str) -> list[str]:
    """Return the headings of the second level, which are the sections of a page."""
    return re.findall(r"^## (.+)$", _FENCED.sub("", text), re.MULTILINE)


def internal_links(text: str) -> list[str]:
    """Return the targets of links to files and headings of the project, outside of code."""
    found = _LINK.findall(_CODE.sub("", _FENCED.sub("", text)))
    return [target for target in found if not _EXTERNAL.match(target)]


def problem_of_link(page: Path, target: str) -> str | None:
    """Return the fault of a link on a page, None if its file and heading exist."""
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.is_relative_to(ROOT) or not file.exists():
        return f"there is no {name}"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
        return f"{file.relative_to(ROOT)} has no heading #{anchor}"
    return None


def curl_commands(text: str) -> Iterator[str]:
    """Yield the curl commands in the code blocks of a page, each with its continuation lines."""
    for block in _FENCED.finditer(text):
        joined = block[0].replace("\\\n", " ")
        for line in joined.splitlines():
            command = line.strip().removeprefix("$ ")
            if re.match(r"(?:command )?curl\s", command):
                yield command


def problem_of_query(command: str) -> str | None:
    """Return the fault of a query that old versions of curl cannot sign, None if it has none.

    The signature of AWS (Signature Version 4, "Create a canonical request") covers sorted and
    encoded parameters, each with an equals sign. curl 7.88 signs the query as it is written.
    """
    urls = ["".join(parts) for parts in _URL.findall(command)]
    queries = [url.partition("?")[2] for url in urls if "?" in url]
    if not queries:
        return None
    pairs = queries[0].split("&")
    wrong = [pair for pair in pairs if not _PAIR.fullmatch(pair)]
    if wrong:
        return f"not encoded: {', '.join(wrong)}"
    return None if pairs == sorted(pairs) else f"not sorted: {queries[0]}"


def words(text: str) -> int:
    """Return the number of words: they have a letter or a digit, unlike the lines of a table."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def repository_paths(text: str) -> list[str]:
    """Return the paths in code spans: they have a slash, and a suffix of a file or a last slash.

    A path with a placeholder such as `<kind>`, or with a wildcard, is a pattern and left out.
    """
    spans = [span.strip("`") for span in _CODE.findall(_FENCED.sub("", text))]
    words = [word for span in spans for word in span.split()]
    paths = [word.partition("::")[0].rpartition("=")[2] for word in words]
    return [path for path in paths if _PATH.fullmatch(path)]


def missing_paths(text: str) -> list[str]:
    """Return the paths in code spans that neither a file nor a folder of the project has."""
    return [path for path in repository_paths(text) if not (ROOT / path).exists()]
