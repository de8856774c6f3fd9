"""Finds secrets in what leaves: the bottle's own, those that rules describe, and noise in names."""
