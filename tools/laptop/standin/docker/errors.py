"""The exceptions of docker-py that MiniStack uses."""


class DockerException(Exception):  # noqa: N818 - docker-py's name
    """An error of the engine."""


class APIError(DockerException):
    """The engine refused a request."""


class NotFound(APIError):  # noqa: N818 - docker-py's name
    """The container does not exist."""


class ImageNotFound(NotFound):
    """The image does not exist."""
