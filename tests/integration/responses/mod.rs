//! Hostile responses: whatever a server sends, a call ends in time with little memory.

mod aws;
mod pulumi_cloud;
mod stacks;

use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stand_ins::http::{Serve, Server, read_head};

use crate::support::plugin::{self, Output, Plugin, test_variable};

/// Every call exits by itself within this time.
const EXIT_LIMIT: Duration = Duration::from_mins(3);

/// Runs a command, and writes its peak memory to a file: `sys.argv[1]`.
const MEASURE: &str = "
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], 'w') as file:
    file.write(str(peak if sys.platform == 'darwin' else peak * 1024))
sys.exit(status)
";

/// Runs the binary and asserts that it never used more than `max_bytes` of memory. Without Python, the
/// memory is not measured, or the test fails if `KUBECTL_ESC_REQUIRE` contains `terminal`.
#[track_caller]
fn run_with_little_memory(plugin: &Plugin, max_bytes: u64) -> Output {
    let mut python = Command::new("python3");
    let probe = python.arg("--version").stdout(Stdio::null()).status();
    if cfg!(windows) || !probe.is_ok_and(|status| status.success()) {
        let required = test_variable("KUBECTL_ESC_REQUIRE").unwrap_or_default();
        let required = required.to_string_lossy().contains("terminal");
        assert!(!required, "python3 is missing");
        println!("memory is not measured: python3 is missing");
        return plugin.run_within(EXIT_LIMIT);
    }
    let call = plugin.command();
    let peak = plugin.path("peak");
    let mut command = Command::new("python3");
    command.args(["-c", MEASURE]).arg(&peak).args(["env", "-i"]);
    let variables = call.get_envs();
    command.args(variables.filter_map(|(name, value)| {
        let mut variable = OsString::from(name);
        variable.push("=");
        variable.push(value?);
        Some(variable)
    }));
    command.arg(call.get_program()).args(call.get_args());
    command.current_dir(plugin.path(""));
    let start = Instant::now();
    let output = plugin::run(command, EXIT_LIMIT);
    let peak: u64 = std::fs::read_to_string(peak).unwrap().parse().unwrap();
    let shown = start_of(&output.stderr);
    println!(
        "{} MiB, {} ms, exit code {}: {shown}",
        peak >> 20,
        start.elapsed().as_millis(),
        output.code
    );
    assert!(peak <= max_bytes, "{} MiB: {shown}", peak >> 20);
    output
}

/// A kind of response on the wire, and a part of the message.
type WireRow = (
    &'static str,
    fn(&mut TcpStream) -> io::Result<()>,
    &'static str,
);

/// Responses that no service sends.
const WIRE_ROWS: &[WireRow] = &[
    (
        "endless body",
        |stream| write_endless_body(stream, &"x".repeat(64 << 10)),
        "is larger than ",
    ),
    (
        "endless body of small chunks",
        |stream| write_endless_body(&mut BufWriter::new(stream), &"x".repeat(1_000)),
        "is larger than ",
    ),
    (
        "400 MB",
        |stream| write_head(stream, "Content-Length: 400000000\r\n"),
        "is larger than ",
    ),
    ("endless headers", write_endless_headers, "cannot reach"),
    (
        "compressed body",
        |stream| {
            // Never asked for, and not decompressed: a kilobyte could become a megabyte.
            write_head(stream, "Content-Encoding: gzip\r\nContent-Length: 4\r\n")?;
            stream.write_all(b"\x1f\x8b\x08\x00")
        },
        "did not come from",
    ),
];

/// Runs the call that `call` makes for the URL of a server with each of these responses and those of
/// [`WIRE_ROWS`]. Returns the outcomes that are no clean failure.
fn unexpected_wire_outcomes(
    rows: &[WireRow],
    max_memory: u64,
    call: impl Fn(&str) -> Plugin,
) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, write, message) in WIRE_ROWS.iter().chain(rows).copied() {
        println!("{name}");
        let server = serve(write);
        let plugin = call(&format!("http://{}", server.address()));
        let output = run_with_little_memory(&plugin, max_memory);
        let is_short = output.stderr.len() < 2_000;
        if output.code != 5 || !is_short || !output.stderr.contains(message) {
            failures.push(format!(
                "{name}: {} {}",
                output.code,
                start_of(&output.stderr)
            ));
        }
    }
    failures
}

fn start_of(text: &str) -> String {
    text.chars().take(300).collect()
}

/// A server that answers every request with the bytes that `write` writes, and then disconnects.
fn serve(write: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Server {
    Server::serving(Raw(write))
}

struct Raw<W>(W);

impl<W> Serve for Raw<W>
where
    W: Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
{
    fn serve(&self, _number: u64, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let Some((_, headers)) = read_head(&mut reader)? else {
            return Ok(());
        };
        let is_length = |name: &String| name.eq_ignore_ascii_case("content-length");
        let length = headers.iter().find(|(name, _)| is_length(name));
        let length = length.and_then(|(_, value)| value.parse().ok());
        reader.read_exact(&mut vec![0; length.unwrap_or(0)])?;
        (self.0)(&mut stream)
    }
}

/// Writes a head with these headers, each with its line break.
fn write_head(stream: &mut impl Write, headers: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}\r\n"
    )
}

/// Writes a whole response.
fn write_body(stream: &mut impl Write, body: &str) -> io::Result<()> {
    write_head(stream, &format!("Content-Length: {}\r\n", body.len()))?;
    stream.write_all(body.as_bytes())
}

/// Writes a body that ends only when the client disconnects.
fn write_endless_body(stream: &mut impl Write, chunk: &str) -> io::Result<()> {
    write_head(stream, "Transfer-Encoding: chunked\r\n")?;
    loop {
        write!(stream, "{:x}\r\n{chunk}\r\n", chunk.len())?;
    }
}

/// Writes headers that end only when the client disconnects.
fn write_endless_headers(stream: &mut impl Write) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\n")?;
    for number in 0.. {
        write!(stream, "x-header-{number}: {}\r\n", "x".repeat(1_000))?;
    }
    Ok(())
}
