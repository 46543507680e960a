"""A toy kind of operation: one new file in each layer of the product, and no other change."""
