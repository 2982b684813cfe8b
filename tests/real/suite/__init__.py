"""The suite with real parts: see ../run."""
