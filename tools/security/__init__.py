"""Security checks by other tools: templates, source code, secrets and packages."""
