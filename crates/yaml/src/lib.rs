//! Reads YAML as Go's `gopkg.in/yaml.v3` v3.0.1 does: the same tree, positions and error messages.
//!
//! Every node also knows its exact bytes in the text, so that the text can be edited in place.
//! Scalars are not resolved: whether `true` is a boolean, `<<` merges or a key repeats is up to the
//! caller. Aliases stay aliases.
//!
//! ```
//! use esc_yaml::{Limits, NodeKind, parse};
//!
//! let text = "values:\n  region: eu-west-1\n";
//! let root = parse(text, &Limits::default())?.expect("the text holds a document");
//! let values = root.get("values").expect("the key exists");
//! let region = values.get("region").expect("the key exists");
//!
//! assert_eq!(region.as_str(), Some("eu-west-1"));
//! assert_eq!((region.start().line, region.start().column), (2, 11));
//! assert_eq!(&text[region.span.clone()], "eu-west-1");
//!
//! let error = parse("a: [b\n", &Limits::default()).unwrap_err();
//! assert_eq!(error.to_string(), "yaml: line 1: did not find expected ',' or ']'");
//! # Ok::<(), esc_yaml::Error>(())
//! ```
//!
//! The time and memory to read a text are linear in its size. Nesting is limited, the tree is built
//! and dropped without recursion, and what is not a part of the text itself is wiped when it is dropped.

#![cfg_attr(not(test), warn(clippy::too_many_arguments, clippy::too_many_lines))]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod content;
mod cursor;
mod error;
mod limits;
mod node;
mod open;
mod parser;
mod position;
mod scanner;

pub use content::Content;
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use node::{Node, NodeKind, Properties, ScalarStyle};
pub use position::Position;

/// Reads the first document of `text` as yaml.v3 does.
///
/// Returns `None` if there is no document: the text is empty, or holds only comments. What follows
/// the first document is only read as far as yaml.v3 looks ahead.
pub fn parse<'t>(text: &'t str, limits: &Limits) -> Result<Option<Node<'t>>, Error> {
    let document = parser::Parser::new(text, limits).document();
    document.map_err(|error| error.within(text))
}
