"""Shared by the adapters: the SDK's session, its errors, and the AWS operations in use."""
