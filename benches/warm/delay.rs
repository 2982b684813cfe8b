//! A TCP forwarder that adds the latency of a distant server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The capacity of each direction, in chunks of 16 KiB.
const CHUNKS: usize = 64;

/// Forwards to a server, and delays each direction by half of `round_trip`. The kernel answers the TCP
/// handshake immediately, so the first bytes are delayed by its round trip too.
///
/// The threads run until the process exits.
pub(crate) fn start(server: SocketAddr, round_trip: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let _ = client.and_then(|client| forward(client, server, round_trip));
        }
    });
    Ok(address)
}

fn forward(client: TcpStream, server: SocketAddr, round_trip: Duration) -> io::Result<()> {
    let connected = Instant::now() + round_trip;
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    one_way(
        client.try_clone()?,
        server.try_clone()?,
        connected,
        round_trip / 2,
    );
    one_way(server, client, connected, round_trip / 2);
    Ok(())
}

fn one_way(mut from: TcpStream, mut to: TcpStream, connected: Instant, delay: Duration) {
    let (chunks, delayed) = mpsc::sync_channel::<(Instant, Vec<u8>)>(CHUNKS);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now().max(connected) + delay;
            if chunks.send((due, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, chunk) in delayed {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&chunk).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
