"""A demonstration of the life of an application, on a separate laptop cloud."""
