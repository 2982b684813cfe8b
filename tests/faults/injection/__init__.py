"""Makes system calls of kubectl-esc fail, and checks what it does: see ../run."""
