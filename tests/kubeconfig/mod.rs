//! `update-kubeconfig` and `convert-kubeconfig`, and what they do to the files.

mod round_trip;
