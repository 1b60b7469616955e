"""The start of the launcher in its own interpreter: `python -I -S __main__.py`, with the arguments of launcher.main."""

import os
import sys

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.append(os.path.dirname(here))
    launcher = __import__(f"{os.path.basename(here)}.launcher", fromlist=["main"])
    sys.path.pop()
    launcher.main()
