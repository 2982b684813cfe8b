//! Reads, merges and edits kubeconfig files without changing anything else in them.
