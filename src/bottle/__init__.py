"""The host program: reads manifests, launches bottles, and attaches the operator to them."""
