"""The shelf of kinds of request; the file name is the name. Contract: ../kind.py."""
