"""The exceptions of docker-py that MiniStack names."""


class DockerException(Exception):  # noqa: N818 - docker-py's name
    """Anything that goes wrong in the engine."""


class APIError(DockerException):
    """The engine refused a request."""


class NotFound(APIError):  # noqa: N818 - docker-py's name
    """There is no such container."""


class ImageNotFound(NotFound):
    """There is no such image."""
