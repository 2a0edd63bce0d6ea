"""Yoake (夜明け): the open cyber-patrol platform. The map of the house is docs/house.md."""

from importlib.metadata import version

__version__ = version("yoake")
