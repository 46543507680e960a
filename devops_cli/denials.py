"""The hints for a call that was not authorised (401, 403): its route and the remedy."""

from __future__ import annotations

from collections.abc import Iterator

from devops_cli.responses import Response, get_objects, get_text

# Codes of API Gateway. DEFAULT_4XX is an access key that AWS does not know.
_CREDENTIALS = {
    **dict.fromkeys(
        ("EXPIRED_TOKEN", "INVALID_SIGNATURE", "DEFAULT_4XX"),
        "Check the AWS credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID), the region and the clock,"
        " or sign in again.",
    ),
    **dict.fromkeys(
        ("INVALID_API_KEY",),
        "Check the API key: DEVOPS_API_KEY, or devops config set api_key",
    ),
}
_NAMES = (1, 3)  # the positions of names in a path: /stacks/NAME/operations/ID


def hints(response: Response, method: str, path: str) -> Iterator[str]:
    """Yield the route of a refused call, with the right that the caller needs."""
    yield f"The refused call: {method} {path}"
    code = get_text(response.body, "code")
    if code == "FORBIDDEN" and get_objects(response.body, "errors"):
        yield "Secrets and roles of each team: docs/teams.md"
    elif code == "FORBIDDEN" and "selfapproval is false" in response.error_message:
        yield "The rule of a second person: docs/teams.md#a-second-person"
    elif code == "FORBIDDEN":
        yield "An admin of the installation changes the lists of callers: docs/teams.md"
    elif code in _CREDENTIALS:
        yield _CREDENTIALS[code]
    elif code in ("ACCESS_DENIED", ""):
        yield (
            f"IAM must allow execute-api:Invoke on {method}{_pattern(method, path)}:"
            " docs/install.md, Permissions of callers"
        )


def _pattern(method: str, path: str) -> str:
    """Return the path of a route in a policy, as in /stacks/*/operations/*.

    The routes of a POST contain no names.
    """
    if method == "POST":
        return path
    parts = path.strip("/").split("/")
    return "".join(f"/{'*' if at in _NAMES else each}" for at, each in enumerate(parts))
