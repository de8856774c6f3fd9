"""What a run came to, as one HTML page that needs nothing from elsewhere."""

from bottle.selftest.outcome import Results


def html(results: Results) -> str:
    return results.summary
