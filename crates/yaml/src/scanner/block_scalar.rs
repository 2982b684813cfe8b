use crate::content::Content;
use crate::error::Error;
use crate::node::ScalarStyle;
use crate::scanner::Scanner;
use crate::scanner::plain::LineBreaks;

/// What becomes of the line breaks at the end of a block scalar.
enum Chomping {
    /// `-`: none is kept.
    Strip,
    /// The first is kept.
    Clip,
    /// `+`: all are kept.
    Keep,
}

impl Scanner<'_> {
    pub(super) fn fetch_block_scalar(&mut self, style: ScalarStyle) -> Result<(), Error> {
        self.drop_candidate()?;
        self.key_allowed = true;
        let (chomping, increment) = self.read_block_header()?;
        let mut content_end = self.cursor.byte();
        self.skip_rest_of_line()?;
        let mut value = Content::default();
        // The line breaks before the first line are kept.
        let mut breaks = LineBreaks::escaped();
        let parent = self.indent();
        let explicit = increment.map(|it| parent.unwrap_or(0) + it);
        let indent = self.skip_block_indentation(explicit, &mut breaks)?;
        let indent = explicit.unwrap_or_else(|| indent.max(parent.map_or(1, |it| it + 1)).max(1));
        let mut begins_blank = false;
        while self.cursor.mark().column == indent && !self.cursor.is_at_end() {
            // Lines that begin with a blank are not folded.
            let is_blank_before = begins_blank;
            begins_blank = self.cursor.is_at_blank();
            if style == ScalarStyle::Literal || is_blank_before || begins_blank {
                breaks.keep_in(&mut value);
            } else {
                breaks.fold_into(&mut value);
            }
            let line_start = self.cursor.byte();
            self.cursor.skip_line_content();
            value.push_verbatim(self.cursor.since(line_start));
            content_end = self.cursor.byte();
            breaks.push(self.cursor.skip_break());
            self.skip_block_indentation(Some(indent), &mut breaks)?;
        }
        match chomping {
            Chomping::Strip => {}
            Chomping::Clip => value.push_str(breaks.first.unwrap_or_default()),
            Chomping::Keep => breaks.keep_in(&mut value),
        }
        self.push_scalar(value, style, content_end, self.cursor.mark());
        Ok(())
    }

    /// Reads `|` or `>` with its indicators, in either order: of chomping and of indentation.
    fn read_block_header(&mut self) -> Result<(Chomping, Option<usize>), Error> {
        self.cursor.skip_ascii(1);
        let mut chomping = None;
        let mut increment = None;
        loop {
            match self.cursor.peek() {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    return self.error("found an indentation indicator equal to 0");
                }
                digit @ b'1'..=b'9' if increment.is_none() => {
                    increment = Some(usize::from(digit - b'0'));
                }
                _ => return Ok((chomping.unwrap_or(Chomping::Clip), increment)),
            }
            self.cursor.skip_ascii(1);
        }
    }

    /// Skips blank lines, and the indentation of the line that follows: at most `indent` columns if
    /// it is known. Returns the most columns that were skipped in a line.
    fn skip_block_indentation(
        &mut self,
        indent: Option<usize>,
        breaks: &mut LineBreaks,
    ) -> Result<usize, Error> {
        let mut deepest = 0;
        loop {
            let may_indent = |column| indent.is_none_or(|indent| column < indent);
            while may_indent(self.cursor.mark().column) && self.cursor.peek() == b' ' {
                self.cursor.skip_ascii(1);
            }
            let column = self.cursor.mark().column;
            deepest = deepest.max(column);
            if may_indent(column) && self.cursor.peek() == b'\t' {
                return self.error("found a tab character where an indentation space is expected");
            }
            if !self.cursor.is_at_break() {
                return Ok(deepest);
            }
            breaks.push(self.cursor.skip_break());
        }
    }
}
