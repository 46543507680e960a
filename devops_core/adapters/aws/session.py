"""The SDK's session, over service models that hold what the adapters call and no more.

The models lie beside this package when it was built for Lambda (`serverless/finish.py`). Where
there are none, as in a working tree, botocore's own serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import botocore.session
from botocore.loaders import Loader

from devops_core.adapters.aws.models import CALLED

MODELS = Path(__file__).resolve().parents[3] / "service_models"


class ModelsLoader(Loader):  # type: ignore[misc] # botocore ships no types
    """Loads trimmed models; what is not among them comes from botocore, as rule sets do.

    So a botocore that is newer than the models, as Lambda's may be, finds every file it asks for.
    """

    def __init__(self, models: Path) -> None:
        super().__init__(extra_search_paths=[str(models)])
        self._models = str(models)

    def list_available_services(self, type_name: str) -> Sequence[str]:
        """Return the services that the adapters use: botocore has a folder for each of 440."""
        del type_name
        return tuple(CALLED)

    def is_builtin_path(self, path: str) -> bool:
        """Say that a trimmed file is botocore's: its rule sets serve with its endpoints only."""
        return path.startswith(self._models) or bool(super().is_builtin_path(path))


def new_session(models: Path = MODELS) -> botocore.session.Session:
    """Return a session; it reads the trimmed models of a folder if there are any."""
    session = botocore.session.get_session()
    if models.is_dir():
        session.register_component("data_loader", ModelsLoader(models))
    return session
