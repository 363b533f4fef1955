"""What the tests with other programs share."""

import shutil
import subprocess

import pytest


@pytest.fixture
def ask(folder):
    """Run a program in the module's ``folder``: exit status and everything it wrote."""

    def run(program, *arguments):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (run scripts/install-judges)")
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout + done.stderr

    return run
