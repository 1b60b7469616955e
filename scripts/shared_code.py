"""Lets a script import `support`, the code in tests/support/ that tests and scripts share: import this module first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
