"""The examples of the pages, run unchanged; their responses are those of the pages.

Each `sh` block of a page is run. The status after it and the next `json` block are its response.
Ids, times and addresses can differ; `…` is any text, at the end of a list its remaining items.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tools.laptop import images
from tools.laptop.cloud import Cloud
from tools.laptop.deploy import client

DOCS = Path(__file__).parents[3] / "docs"
# In this order the pages are the life of the application MyDevOpsAPI.
PAGES = (
    "createstack", "deploytononprod", "operations",
    "deploytoprodblue", "swapbluegreen", "inventory", "deletestack",
)  # fmt: skip
# A waiting call ends with 202 after its time; the pages say to repeat it.
WAITING_CALLS = 8

_BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"`(\d{3}) [A-Z]")
_PUBLIC_URL = "https://api.example.com/dev"
_DIFFERS = {
    r"sha256:[0-9a-f]+": "sha256:X",
    r"[0-9A-HJKMNP-TV-Z]{26}": "ID",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z": "TIME",
    r"^\d+\.\d+$": "SECONDS",
    # The id of a task: 32 hexadecimal digits on AWS, a UUID in the emulator.
    r"/app/[0-9a-f-]{32,36}": "/app/TASK",
    r"-[a-z0-9]{8}\.eu-west-1\.elb\.": "-X.eu-west-1.elb.",
}
# Members that the service omits if it cannot read them in time.
_OPTIONAL = {"lines"}


@dataclass(frozen=True)
class Example:
    page: str
    command: str
    status: str | None
    answer: Any


def examples(page: str) -> Iterator[Example]:
    text = (DOCS / f"{page}.md").read_text()
    blocks = list(_BLOCK.finditer(text))
    for block, answer in pairwise(blocks):
        if block[1] == "sh":
            assert answer[1] == "json", f"{page}: no answer after {block[2]}"
            status = _STATUS.search(text, block.end(), answer.start())
            yield Example(page, block[2], status and status[1], json.loads(answer[2]))


class Reader:
    """A reader who runs the examples of the pages in a terminal."""

    def __init__(self, cloud: Cloud, home: Path) -> None:
        # The status goes to standard error, unless the example prints it.
        (home / ".curlrc").write_text('write-out = "%{stderr}%{http_code}\\n"\n')
        own = {"PATH": os.environ["PATH"], "CURL_HOME": str(home), "no_proxy": "*"}
        self._environment = own | cloud.environment
        self._home = home
        self._api_url = cloud.api_url

    def follow(self, example: Example) -> None:
        for _ in range(WAITING_CALLS):
            status, answer = self._run(example.command)
            if status != "202" or example.status == "202":
                break
        problems = [] if status in ("", example.status) else [f"status {status}"]
        problems += self._differences(example.answer, answer, "answer")
        assert not problems, f"{example.page}: {problems}\n{example.command}\n{json.dumps(answer)}"
        if answer.get("operation"):
            self._environment["OPERATION"] = answer["operation"]["id"]

    def _run(self, command: str) -> tuple[str, Any]:
        done = subprocess.run(  # noqa: S603 - the commands of our own pages
            ["sh", "-e", "-c", command],  # noqa: S607 - the reader's shell
            cwd=self._home,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stderr.strip(), json.loads(done.stdout)

    def _differences(self, documented: Any, actual: Any, where: str) -> list[str]:
        if isinstance(documented, dict) and isinstance(actual, dict):
            one_side = sorted((documented.keys() ^ actual.keys()) - _OPTIONAL)
            pairs = [
                (f"{where}.{name}", documented[name], actual[name])
                for name in documented
                if name in actual
            ]
            found = [f"{where}: {one_side} only on one side"] if one_side else []
        elif isinstance(documented, list) and isinstance(actual, list) and documented[-1:] == ["…"]:
            return self._differences(documented[:-1], actual[: len(documented) - 1], where)
        elif (
            isinstance(documented, list)
            and isinstance(actual, list)
            and len(documented) == len(actual)
        ):
            pairs = [
                (f"{where}[{n}]", *pair)
                for n, pair in enumerate(zip(documented, actual, strict=True))
            ]
            found = []
        else:
            same = self._pattern(documented).fullmatch(self._plain(actual))
            return [] if same else [f"{where}: {documented!r} is {actual!r}"]
        return found + [each for at, a, b in pairs for each in self._differences(a, b, at)]

    def _pattern(self, documented: Any) -> re.Pattern[str]:
        return re.compile(re.escape(self._plain(documented)).replace("…", ".*"), re.DOTALL)

    def _plain(self, value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False).replace(self._api_url, _PUBLIC_URL)
        for pattern, name in _DIFFERS.items():
            text = re.sub(pattern, name, text)
        return text


def test_each_example_has_the_response_of_its_page(cloud: Cloud, tmp_path: Path) -> None:
    reader = Reader(cloud, tmp_path)
    for page in PAGES:
        for example in examples(page):
            reader.follow(example)
        if page == "createstack":  # the pages assume that the images are pushed
            for version, behaviour in (("1.0.0.0", ""), ("1.0.0.1", "crash")):
                images.push(client(cloud, "ecr"), "mydevopsapi", version, behaviour)


def test_each_page_of_an_endpoint_has_an_example() -> None:
    assert all(list(examples(page)) for page in PAGES)
