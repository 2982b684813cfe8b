//! Parses the JSON of responses, with limits on its memory and time.

use crate::clock::Deadline;
use esc::Value;
use esc::format::json::{self, Selection};

/// The maximum number of values: scalars, lists and objects. An object with one entry takes 800 bytes.
const MAX_VALUES: usize = 150_000;

/// How many values are read between two checks of the deadline.
const CHECK_INTERVAL: usize = 1_000;

/// Parses a response that may nest `max_nesting` levels deep. After the deadline, it fails. The error
/// continues "the response", and does not quote it.
pub(super) fn parse(text: &[u8], max_nesting: usize, deadline: Deadline) -> Result<Value, String> {
    parse_selected(text, max_nesting, &Selection::All, deadline)
}

/// Parses a part of a response; see [`parse`].
pub(super) fn parse_selected(
    text: &[u8],
    max_nesting: usize,
    selection: &Selection,
    deadline: Deadline,
) -> Result<Value, String> {
    let (mut read, mut kept) = (0_usize, 0);
    let value = json::parse_selected(text, max_nesting, selection, |is_kept| {
        read += 1;
        kept += usize::from(is_kept);
        kept <= MAX_VALUES && (read % CHECK_INTERVAL > 0 || !deadline.is_over())
    });
    value.map_err(|error| {
        if kept > MAX_VALUES {
            format!("has more than {MAX_VALUES} values")
        } else {
            format!("is not JSON: {error}")
        }
    })
}
