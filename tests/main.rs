//! Tests of behaviour, through the binary and the public interface.
