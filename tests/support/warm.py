"""`python -m support.warm`: builds what the tests' bottles need, each back-end beside the others.

A first start that builds would take longer than a test may.
"""

import sys
import tempfile
from pathlib import Path

from bottle.proc import spawn
from bottle.providers import PROVIDERS
from support.engine.open import opened
from support.project import BottleProject, operator_environment
from support.sites import site_of

_BUILT_BY = ("native", "docker")  # gvisor runs docker's images


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, opened() as engine:
        started = []
        for backend in _BUILT_BY:
            site = site_of(backend, lambda: engine)
            project = BottleProject(folder=Path(folder) / backend, environ=operator_environment(site.environ))
            for template in PROVIDERS:
                project.write(
                    {
                        f"agents/{template}.md": f"---\nbottle: {template}\n---\n",
                        f"bottles/{template}.md": f"---\nagent_provider: {{template: {template}}}\n---\n",
                    }
                )
            started.append(spawn(project.command("build")))
        return max(process.wait() for process in started)


if __name__ == "__main__":
    sys.exit(main())
