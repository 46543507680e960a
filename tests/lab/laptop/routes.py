"""The routes of the service, each as a call that changes nothing."""

from __future__ import annotations

_OPERATION = "/stacks/Signed/operations/01ARZ3NDEKTSV4RRFFQ69G5FAV"
_SPECIFICATION = "/stacks/Signed/spec"
DEPLOY = ("POST", "/stacks/deploy")
OTHERS = [
    ("POST", "/stacks"),
    ("POST", "/stacks/deploytoprodBlue"),
    ("POST", "/stacks/swapProdBlueAndGreen"),
    ("DELETE", "/stacks"),
    ("GET", _OPERATION),
    ("DELETE", _OPERATION),
    ("POST", _OPERATION),
    ("GET", _SPECIFICATION),
    ("PUT", _SPECIFICATION),
    ("PATCH", _SPECIFICATION),
    ("POST", "/stacks/Signed/upgrade"),
    ("GET", "/health"),
]
ROUTES = [DEPLOY, *OTHERS]
