"""The shelf of channels: the ways by which something leaves; one file a way, the file name is the name. Contract: ../channel.py."""
