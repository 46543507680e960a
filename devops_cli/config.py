"""The address of the service and the credentials: options, environment variables, profiles.

Profiles are stored in a configuration file in INI format, one section for each profile:

    [default]
    api = https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev
    aws_profile = team

The environment variables are an argument of every function, so that tests do not depend on the
machine.
"""

from __future__ import annotations

import configparser
import io
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

import typer

from devops_cli import own_files
from devops_cli.failures import UsageError

DEFAULT_PROFILE = "default"
_EMULATOR = "_user_request_"  # the end of the addresses of an emulated API Gateway


@dataclass(frozen=True)
class Profile:
    """The settings for one installation of the service; an empty text means not set.

    `api` is the address with the stage. `region` is the region of the signature, needed if the
    address does not contain it. `aws_profile` is a profile of the AWS CLI. `api_key` is for
    installations with `auth: apikey`.
    """

    api: str = ""
    region: str = ""
    aws_profile: str = ""
    api_key: str = field(default="", repr=False)


KEYS = tuple(each.name for each in fields(Profile))


def path(environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration file, which may not exist."""
    chosen = variable(environment, "DEVOPS_CONFIG")
    return Path(chosen) if chosen else Path(typer.get_app_dir("devops")) / "config"


def variable(environment: Mapping[str, str], name: str) -> str:
    """Return an environment variable; an empty text if it is not set.

    Raises:
        UsageError: the variable is set to an empty text, usually by a workflow in which its source
            is missing.

    """
    value = environment.get(name)
    if value is not None and not value.strip():
        raise UsageError(f"the variable {name} is empty", "Give it a value, or unset it.")
    return value or ""


def load(file: Path) -> dict[str, Profile]:
    """Return the profiles of a file by name; an empty mapping if the file does not exist.

    Raises:
        UsageError: the file cannot be read or is not valid.

    """
    sections = _read(file)
    return {name: Profile(**_settings(sections[name], file)) for name in sections.sections()}


def store(file: Path, name: str, key: str, value: str | None) -> None:
    """Set a key of a profile, or remove it if `value` is None.

    A profile without keys is removed. Comments in the file are lost. Afterwards only the owner can
    read the file, because it may contain an API key.

    Raises:
        UsageError: the key is unknown, the value is not valid, or the file cannot be written.

    """
    if key not in KEYS:
        raise UsageError(f"unknown setting {key!r}: the settings are {', '.join(KEYS)}")
    if not name.strip() or not (name + (value or "")).isprintable() or "]" in name:
        raise UsageError("names and values of the configuration must be one line of printable text")
    sections = _read(file)
    if value is not None and not sections.has_section(name):
        sections.add_section(name)
    if value is not None:
        sections.set(name, key, parse_address(value) if key == "api" else value.strip())
    elif sections.has_section(name):
        sections.remove_option(name, key)
        if not sections.options(name):
            sections.remove_section(name)
    _write(file, sections)


def resolve(
    environment: Mapping[str, str], *, api: str = "", profile: str = "", region: str = ""
) -> Profile:
    """Return the settings that apply to a command.

    An option overrides the environment variable, and the variable overrides the file. The API key
    of a profile is never sent to another address than that of the profile.

    Raises:
        UsageError: no address is set, the profile does not exist, or the API key would be sent
            without encryption; the hints name the remedy.

    """
    chosen = select(environment, profile)
    named = chosen.api if profile else ""
    where = api or named or variable(environment, "DEVOPS_API") or chosen.api
    if not where:
        name = profile or variable(environment, "DEVOPS_PROFILE")
        raise _no_address(path(environment), name)
    where = parse_address(where)
    own = chosen.api_key if where == chosen.api.rstrip("/") else ""
    sent = variable(environment, "DEVOPS_API_KEY")
    key = _api_key(own or sent if profile else sent or own, where)
    return replace(chosen, api=where, region=region or chosen.region, api_key=key)


def select(environment: Mapping[str, str], profile: str = "") -> Profile:
    """Return the named profile, by default that of DEVOPS_PROFILE or else the default one.

    Raises:
        UsageError: the profile does not exist.

    """
    file = path(environment)
    profiles = load(file)
    name = profile or variable(environment, "DEVOPS_PROFILE")
    if name and name not in profiles:
        raise UsageError(
            f"no profile {name!r} in {file}; its profiles: {', '.join(profiles) or 'none'}",
            f"Create it: devops config set api URL --profile {name}",
        )
    return profiles.get(name or DEFAULT_PROFILE, Profile())


def stack_of(address: str) -> str:
    """Return the name of the stack of an installation; the last part of its address is the stage.

    The address of a laptop cloud has one more part.
    """
    parts = [each for each in urlsplit(address).path.split("/") if each not in ("", _EMULATOR)]
    return f"devops-ecs-{parts[-1] if parts else ''}"


def parse_address(text: str) -> str:
    """Return the address of a service without a slash at its end.

    Raises:
        UsageError: the text is not a valid address.

    """
    try:
        parts = urlsplit(text.strip())
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(
            f"{text!r} is not a valid address of the service",
            "Example: https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev",
        )
    return text.strip().rstrip("/")


def is_loopback(address: str) -> bool:
    """Return whether an address of the service belongs to this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _api_key(key: str, address: str) -> str:
    if not key.isascii() or not (key + " ").isprintable():
        raise UsageError("the API key contains characters that are not printable ASCII")
    if key and urlsplit(address).scheme != "https" and not is_loopback(address):
        raise UsageError(
            f"the API key is not sent to {address}, because http does not encrypt it",
            "Use an address that begins with https://, or remove the API key: unset the variable"
            " DEVOPS_API_KEY, or use `devops config unset api_key`.",
        )
    return key


def _no_address(file: Path, profile: str) -> UsageError:
    option = f" --profile {profile}" if profile else ""
    return UsageError(
        "the address of the service is not configured",
        "`npx serverless info` prints it in the installation of the service. Store it with",
        "  devops config set api https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev"
        + option,
        f"(written to {file}), or set the variable DEVOPS_API, or use the option --api.",
    )


def _read(file: Path) -> configparser.ConfigParser:
    # Without a default section, whose keys every profile would inherit, and without interpolation
    # of % signs in values.
    sections = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        sections.read_string(file.read_text(encoding="utf-8-sig"), str(file))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise UsageError(f"the configuration file cannot be read: {error}") from error
    return sections


def _settings(section: configparser.SectionProxy, file: Path) -> dict[str, str]:
    unknown = [key for key in section if key not in KEYS]
    if unknown:
        raise UsageError(
            f"{file}: profile {section.name} has unknown settings: {', '.join(unknown)}",
            f"The settings are {', '.join(KEYS)}.",
        )
    return dict(section)


def _write(file: Path, sections: configparser.ConfigParser) -> None:
    content = io.StringIO()
    sections.write(content)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        own_files.replace(file, content.getvalue())
    except OSError as error:
        raise UsageError(f"the configuration file cannot be written: {error}") from error
