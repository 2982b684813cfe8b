//! The command `kubectl-esc`.

fn main() {}
