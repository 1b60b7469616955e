"""`python -m pybpe` is the command `pybpe`."""

import sys

from pybpe.cli.main import main

sys.exit(main())
