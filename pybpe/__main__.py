"""`python -m pybpe` is the command `pybpe`."""

import sys

from pybpe.cli.entry import main

sys.exit(main())
