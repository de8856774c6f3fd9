"""The host program: reads manifests, launches bottles, and attaches the operator to them."""

VERSION = "0.1.0"
"""The same as in pyproject.toml: asking the installed metadata costs more than the whole command line."""
