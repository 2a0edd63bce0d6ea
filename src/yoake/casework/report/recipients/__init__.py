"""The shelf of recipients: one file a sort of body that reports go to (contract: `yoake.casework.report.recipient`)."""
