"""The SDK's session, with service models that contain only the operations in `aws.models`.

The build for Lambda (`serverless/finish.py`) puts these models beside this package. A working tree
has none, so the session uses botocore's own models.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import botocore.session
from botocore.loaders import Loader

from devops_core.adapters.aws.models import CALLED
from devops_core.adapters.aws.workers import refuse_if_abandoned

MODELS = Path(__file__).resolve().parents[3] / "service_models"


class ModelsLoader(Loader):  # type: ignore[misc] # botocore ships no types
    """Loads trimmed models, and all other files, such as endpoint rule sets, from botocore.

    So a botocore that is newer than the models, as in the Lambda runtime, finds all of its files.
    """

    def __init__(self, models: Path) -> None:
        super().__init__(extra_search_paths=[str(models)])
        self._models = str(models)

    def list_available_services(self, type_name: str) -> Sequence[str]:
        """Return the services in use; a search of botocore's data would list 440 folders."""
        del type_name
        return tuple(CALLED)

    def is_builtin_path(self, path: str) -> bool:
        """Treat a trimmed model as botocore's own, which botocore uses with its own rule sets."""
        return path.startswith(self._models) or bool(super().is_builtin_path(path))


def new_session(models: Path = MODELS) -> botocore.session.Session:
    """Return a session with the trimmed models in a folder, if the folder exists."""
    session = botocore.session.get_session()
    session.register("before-send", refuse_if_abandoned)
    if models.is_dir():
        session.register_component("data_loader", ModelsLoader(models))
    return session
