"""The backend unsafe: a plain subprocess, for --unsafe-python only. Code in it can do what its user can do."""

from __future__ import annotations

import sys
import warnings

from pybpe.errors import SandboxError
from pybpe.sandbox import process
from pybpe.sandbox.folder import is_full, temporary_folder
from pybpe.sandbox.inside.launcher import UNSAFE
from pybpe.sandbox.result import Result, encoded, result


class Unsafe:
    """The backend unsafe, which warns when it is opened."""

    name = "unsafe"

    def __init__(self) -> None:
        if not sys.executable:
            raise SandboxError("the backend unsafe needs to know the Python interpreter: sys.executable is empty")
        warnings.warn(
            "the backend unsafe is no sandbox: code that the model writes can read, change and send all that you can",
            stacklevel=4,
        )

    def run(self, code: str, timeout: float = 5.0) -> Result:
        """Run code; see pybpe.sandbox.run."""
        try:
            data = encoded(code)
        except ValueError as error:
            return result("", str(error))
        with temporary_folder() as folder:
            return process.run(UNSAFE, data, timeout, folder, lambda: is_full(folder))

    def close(self) -> None:
        """Do nothing."""
