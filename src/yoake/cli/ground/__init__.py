"""What commands stand on: Django ready for use, stopping, the supervised group, the first start. Nothing here is a command."""
