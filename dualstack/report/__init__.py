"""The report: one canonical model (report.json), and views of it."""
