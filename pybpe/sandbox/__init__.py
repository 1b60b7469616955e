"""The sandbox: runs Python that nobody has checked, such as what a model writes, with backends for different systems.

    from pybpe import sandbox

    sandbox.run("'strawberry'.count('r')").stdout  # "3"

docs/sandbox.md says what each backend protects from.
"""

from pybpe.sandbox.result import Result
from pybpe.sandbox.sandbox import BACKENDS, Sandbox, open_sandbox, run

__all__ = ["BACKENDS", "Result", "Sandbox", "open_sandbox", "run"]
