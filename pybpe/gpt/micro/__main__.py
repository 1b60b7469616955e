"""Run `python -m pybpe.gpt.micro names.txt`, see names.py."""

from pybpe.gpt.micro.names import main

main()
