"""Places in files that hold derived text, between a line that names the place and an end line.

In YAML the lines are `# derived: NAME` and `# derived: end`, in Markdown the same in `<!-- -->`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACE = re.compile(
    r"^(?P<begin> *(?:#|<!--) derived: (?!end\b)(?P<name>[^\n]+?)(?: -->)?\n)"
    r".*?"
    r"^(?P<end> *(?:#|<!--) derived: end(?: -->)?)$",
    re.MULTILINE | re.DOTALL,
)


def names(text: str) -> list[str]:
    """Return the names of the places in a text."""
    return [found["name"] for found in _PLACE.finditer(text)]


def filled(text: str, contents: Mapping[str, str]) -> str:
    """Return a text with the contents of its places replaced; all else stays byte for byte.

    Raises KeyError for a place whose name is not in `contents`.
    """
    return _PLACE.sub(lambda at: at["begin"] + contents[at["name"]] + at["end"], text)
