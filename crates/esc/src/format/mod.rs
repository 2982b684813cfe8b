//! Values and environments as text: JSON, YAML, strings, and the lines of dotenv and shell.

pub mod dotenv;
pub mod json;
pub mod string;
pub mod yaml;
