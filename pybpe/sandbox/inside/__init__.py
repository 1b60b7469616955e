"""The launcher: the program of a separate interpreter that confines itself and then runs code.

It is started as `python -I -S .../inside/__main__.py` and sees neither pybpe nor any installed package: its modules
import each other by relative names, and the standard library.
"""
