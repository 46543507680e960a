"""The ports over AWS: one module a service, each with a botocore client in its constructor."""
