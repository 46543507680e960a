"""Lambda handlers: parse, one call, answer."""
