"""The micro GPT: Karpathy's microgpt with its inner loops compiled, for ids of any vocabulary.

`python -m pybpe.gpt.micro names.txt` prints what microgpt.py prints, digit for digit: see names.py.
"""

from pybpe.gpt.micro.config import Adam, MicroConfig
from pybpe.gpt.micro.model import MicroGPT

__all__ = ["Adam", "MicroConfig", "MicroGPT"]
