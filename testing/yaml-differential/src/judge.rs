//! Runs the Go program that reads texts with yaml.v3.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// How yaml.v3 reads each of `texts`, in the form that [`crate::rendering`] has.
pub(crate) fn read<T: AsRef<str> + Sync>(program: &Path, texts: &[T]) -> io::Result<Vec<String>> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let results = thread::scope(|scope| {
        let writer = scope.spawn(move || -> io::Result<()> {
            let mut out = BufWriter::new(stdin.ok_or_else(closed)?);
            for text in texts {
                let text = text.as_ref();
                let length = u32::try_from(text.len()).map_err(io::Error::other)?;
                out.write_all(&length.to_le_bytes())?;
                out.write_all(text.as_bytes())?;
            }
            out.flush()
        });
        let mut input = BufReader::new(stdout.ok_or_else(closed)?);
        let results: io::Result<Vec<_>> = texts.iter().map(|_| read_result(&mut input)).collect();
        writer
            .join()
            .map_err(|_| io::Error::other("the writer panicked"))??;
        results
    })?;
    child.wait()?;
    Ok(results)
}

fn read_result(input: &mut impl Read) -> io::Result<String> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let mut result = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut result)?;
    String::from_utf8(result).map_err(io::Error::other)
}

fn closed() -> io::Error {
    io::Error::other("the stream is closed")
}
