"""Whatever one connection sends to the sidecar, the next request on another is answered."""
