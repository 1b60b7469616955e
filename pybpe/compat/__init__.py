"""Faces of other libraries, on pybpe's work: a program that holds one of their objects can hold one of these."""
