"""The tests with real programs: see ../run."""
