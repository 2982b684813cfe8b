//! The Pulumi ESC environment language: parses, checks and evaluates definitions.
