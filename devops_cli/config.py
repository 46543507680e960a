"""Where the service is and as whom to call it: options, environment, and profiles in a file.

The file is INI, one section for each profile:

    [default]
    api = https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev
    aws_profile = team

The shell's environment is an argument everywhere, so that nothing here depends on the machine.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

import typer

from devops_cli.failures import UsageError

DEFAULT_PROFILE = "default"


@dataclass(frozen=True)
class Profile:
    """What is known of one installation of the service; empty where nothing is.

    `api` is its address with the stage, `region` that to sign for where the address does not tell,
    `aws_profile` one of the AWS CLI, `api_key` for installations with `auth: apikey`.
    """

    api: str = ""
    region: str = ""
    aws_profile: str = ""
    api_key: str = field(default="", repr=False)


KEYS = tuple(each.name for each in fields(Profile))


def path(environment: Mapping[str, str]) -> Path:
    """Return where the configuration file is, whether it exists or not."""
    chosen = environment.get("DEVOPS_CONFIG")
    return Path(chosen) if chosen else Path(typer.get_app_dir("devops")) / "config"


def load(file: Path) -> dict[str, Profile]:
    """Return all profiles of a file by name; none if there is no file.

    Raises:
        UsageError: the file cannot be read, or is not as it should be.

    """
    sections = _parsed(file)
    return {name: Profile(**_known(sections[name], file)) for name in sections.sections()}


def store(file: Path, name: str, key: str, value: str | None) -> None:
    """Set a key of a profile, or take it away; the profile goes with its last key.

    Comments in the file are lost. Only its owner can read it afterwards: it may hold an API key.

    Raises:
        UsageError: there is no such key, the value cannot be stored, or the file not be written.

    """
    if key not in KEYS:
        raise UsageError(f"{key!r} is no setting: there are {', '.join(KEYS)}")
    if not name.strip() or not (name + (value or "")).isprintable() or "]" in name:
        raise UsageError("a name or a value of the configuration is one line of printable text")
    sections = _parsed(file)
    if value is not None and not sections.has_section(name):
        sections.add_section(name)
    if value is not None:
        sections.set(name, key, address(value) if key == "api" else value.strip())
    elif sections.has_section(name):
        sections.remove_option(name, key)
        if not sections.options(name):
            sections.remove_section(name)
    _write(file, sections)


def resolve(
    environment: Mapping[str, str], *, api: str = "", profile: str = "", region: str = ""
) -> Profile:
    """Return what to call, from the options of a command, the environment and the file.

    An option goes before the environment, and that before the file. A profile's API key is never
    sent to another address than the profile's own.

    Raises:
        UsageError: there is no address, or no such profile; the message says what to do.

    """
    file = path(environment)
    profiles = load(file)
    name = profile or environment.get("DEVOPS_PROFILE", "")
    if name and name not in profiles:
        raise UsageError(
            f"there is no profile {name!r} in {file}: there are {', '.join(profiles) or 'none'}",
            f"Make it: devops config set api URL --profile {name}",
        )
    chosen = profiles.get(name or DEFAULT_PROFILE, Profile())
    named = chosen.api if profile else ""
    where = api or named or environment.get("DEVOPS_API", "") or chosen.api
    if not where:
        raise _no_address(file)
    where = address(where)
    own = chosen.api_key if where == chosen.api.rstrip("/") else ""
    sent = environment.get("DEVOPS_API_KEY", "")
    key = _api_key(own or sent if profile else sent or own)
    return replace(chosen, api=where, region=region or chosen.region, api_key=key)


def address(text: str) -> str:
    """Return the address of a service without the slash at its end.

    Raises:
        UsageError: it is none.

    """
    try:
        parts = urlsplit(text.strip())
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(
            f"{text!r} is no address of the service",
            "With its stage it is as https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev",
        )
    return text.strip().rstrip("/")


def _api_key(key: str) -> str:
    if not key.isascii() or not (key + " ").isprintable():
        raise UsageError("the API key has characters that no API key has")
    return key


def _no_address(file: Path) -> UsageError:
    return UsageError(
        "the address of the service is not known",
        "Whoever installed it knows the address: `npx serverless info` prints it. Then either",
        "  devops config set api https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev",
        f"which writes it to {file}, or set the variable DEVOPS_API, or give --api.",
    )


def _parsed(file: Path) -> configparser.ConfigParser:
    # No section lends its keys to the others, and a % is a %.
    sections = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        sections.read_string(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise UsageError(f"the configuration file cannot be read: {error}") from error
    return sections


def _known(section: configparser.SectionProxy, file: Path) -> dict[str, str]:
    unknown = [key for key in section if key not in KEYS]
    if unknown:
        raise UsageError(
            f"{file}: {section.name} has {', '.join(unknown)}, which is no setting",
            f"There are {', '.join(KEYS)}.",
        )
    return dict(section)


def _write(file: Path, sections: configparser.ConfigParser) -> None:
    beside = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        # Nobody else may read it at any time, and a reader finds the old file or the new one.
        opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as stream:
            sections.write(stream)
        beside.replace(file)
    except OSError as error:
        raise UsageError(f"the configuration file cannot be written: {error}") from error
