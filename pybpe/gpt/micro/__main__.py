"""`python -m pybpe.gpt.micro names.txt`."""

from pybpe.gpt.micro.names import main

main()
