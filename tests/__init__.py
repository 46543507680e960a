"""The tests; tests/README.md is the map."""

import os

# The account of the installation under test. Messages do not contain its number.
os.environ["ACCOUNT_ID"] = "123456789012"
