"""The certificates that the command line trusts, and the messages of certificate errors."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from devops_cli import config
from devops_cli.failures import UsageError

# The first variable that is set decides. The AWS CLI and botocore read the first two in this order,
# OpenSSL reads the others.
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
# The setting in the configuration file of the AWS CLI.
_SETTING = "ca_bundle"
# Verification results of OpenSSL: x509_vfy.h, X509_V_ERR_*.
_TIMES = {9, 10}  # CERT_NOT_YET_VALID, CERT_HAS_EXPIRED
_NAMES = {62, 63, 64}  # HOSTNAME_MISMATCH, EMAIL_MISMATCH, IP_ADDRESS_MISMATCH


class Trust(NamedTuple):
    """The trusted certificates; `source` describes their place for a message."""

    context: ssl.SSLContext
    source: str


def load(environment: Mapping[str, str], configured: str = "") -> Trust:
    """Return the trusted certificates: of a variable, or else of the package certifi.

    `configured` is the setting `ca_bundle` of the AWS CLI. As in botocore, only AWS_CA_BUNDLE
    precedes it.

    Raises:
        UsageError: the variable is empty, or its file or directory cannot be used.

    """
    name = next((each for each in VARIABLES if each in environment), None)
    remove = f"it: unset {name}"
    if configured and name != VARIABLES[0]:
        name, value = _SETTING, configured
        remove = "it from the configuration file of the AWS CLI"
    elif name is None:
        return Trust(httpx.create_ssl_context(trust_env=False), "the Python package certifi")
    else:
        value = config.variable(environment, name)
    remedy = f"Set {name} to a file with certificates in PEM format, or remove {remove}"
    try:
        if Path(value).is_dir():
            context = ssl.create_default_context(capath=value)
        else:
            context = ssl.create_default_context(cafile=value)
    except ssl.SSLError as error:
        raise UsageError(f"{name}: {value} has no valid certificates", remedy) from error
    except OSError as error:
        raise UsageError(f"{name}: {value}: {error.strerror}", remedy) from error
    return Trust(context, f"{name}={value}")


def find_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the certificate error among the causes of an error; None if there is none."""
    left, seen = [error], set[int]()
    while left:
        found = left.pop()
        if isinstance(found, ssl.SSLCertVerificationError):
            return found
        if id(found) not in seen:
            seen.add(id(found))
            causes = (found.__cause__, found.__context__, *found.args)
            left += [each for each in causes if isinstance(each, BaseException)]
    return None


def hints(error: ssl.SSLCertVerificationError, source: str = "") -> list[str]:
    """Return the remedy for a certificate error; `source` is that of the trusted certificates."""
    if error.verify_code in _TIMES:
        return [
            "Check the clock of this machine. If it is right, the server needs a new certificate."
        ]
    if error.verify_code in _NAMES:
        return [
            "Check the address: its host must be a name in the certificate.",
            "A proxy may have answered instead of the server: check HTTPS_PROXY and NO_PROXY.",
        ]
    return [
        "If a proxy of your network replaces certificates, set AWS_CA_BUNDLE to a file with its"
        " root certificate in PEM format.",
        *([f"The trusted certificates are from {source}."] if source else []),
    ]
