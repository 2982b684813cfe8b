use crate::content::Content;
use crate::error::Error;
use crate::node::ScalarStyle;
use crate::scanner::Scanner;

impl Scanner<'_> {
    pub(super) fn fetch_plain(&mut self) -> Result<(), Error> {
        self.save_candidate()?;
        let minimum = self.indent().map_or(0, |indent| indent + 1);
        // The value of the lines before, and where the text begins that is not copied yet.
        let mut value = Content::default();
        let mut run_start = self.start.byte;
        let mut end = self.start;
        let mut breaks = LineBreaks::default();
        while !self.cursor.is_at_document_indicator() && self.cursor.peek() != b'#' {
            let word_start = self.cursor.byte();
            self.skip_word();
            let word_end = self.cursor.mark();
            if word_end.byte == word_start {
                break;
            }
            if !breaks.is_empty() {
                value.push_verbatim(self.cursor.slice(run_start, end.byte));
                breaks.fold_into(&mut value);
                run_start = word_start;
            }
            end = word_end;
            while self.cursor.is_at_blank() || self.cursor.is_at_break() {
                if self.cursor.is_at_break() {
                    breaks.push(self.cursor.skip_break());
                    continue;
                }
                let is_indentation = !breaks.is_empty() && self.cursor.mark().column < minimum;
                if is_indentation && self.cursor.peek() == b'\t' {
                    return self.error("found a tab character that violates indentation");
                }
                self.cursor.skip_ascii(1);
            }
            if !self.in_flow() && self.cursor.mark().column < minimum {
                break;
            }
        }
        value.push_verbatim(self.cursor.slice(run_start, end.byte));
        if !breaks.is_empty() {
            self.key_allowed = true;
        }
        self.push_scalar(value, ScalarStyle::Plain, end.byte, end);
        Ok(())
    }

    /// Skips to the next blank, line break or indicator that ends a plain scalar.
    fn skip_word(&mut self) {
        let in_flow = self.in_flow();
        loop {
            self.cursor.skip_while(|byte| match byte {
                b' ' | b'\t' | b':' => false,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => !in_flow,
                _ => true,
            });
            if self.cursor.peek() != b':' || self.cursor.is_space_at(1) {
                return;
            }
            self.cursor.skip_ascii(1);
        }
    }
}

/// The line breaks between two words of a scalar.
#[derive(Default)]
pub(super) struct LineBreaks {
    pub(super) first: Option<&'static str>,
    /// The others.
    trailing: String,
}

impl LineBreaks {
    /// A line break that means nothing, as `\` before it says in double quotes.
    pub(super) fn escaped() -> Self {
        let first = Some("");
        Self {
            first,
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn push(&mut self, line_break: &'static str) {
        match self.first {
            None => self.first = Some(line_break),
            Some(_) => self.trailing.push_str(line_break),
        }
    }

    /// Adds what they mean to `text`: a single `\n` means a space, the first of several nothing.
    pub(super) fn fold_into(&mut self, text: &mut Content<'_>) {
        if self.first == Some("\n") {
            self.first = Some(if self.trailing.is_empty() { " " } else { "" });
        }
        self.keep_in(text);
    }

    /// Adds them to `text` as they are.
    pub(super) fn keep_in(&mut self, text: &mut Content<'_>) {
        text.push_str(self.first.take().unwrap_or_default());
        text.push_str(&self.trailing);
        self.trailing.clear();
    }
}
