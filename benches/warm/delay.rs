//! A TCP forwarder that adds the latency of a distant server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The capacity of each direction, in chunks of 16 KiB.
const CHUNKS: usize = 64;

/// The round-trip time to each server.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// Forwards to a server, and delays each direction by half of the round trip. The kernel answers the TCP
/// handshake immediately, so the first bytes are delayed by its round trip too.
///
/// The threads run until the process exits.
pub(crate) fn start(server: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let _ = client.and_then(|client| forward(client, server));
        }
    });
    Ok(address)
}

fn forward(client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let connected = Instant::now() + ROUND_TRIP;
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    one_way(client.try_clone()?, server.try_clone()?, connected);
    one_way(server, client, connected);
    Ok(())
}

fn one_way(mut from: TcpStream, mut to: TcpStream, connected: Instant) {
    let (chunks, delayed) = mpsc::sync_channel::<(Instant, Vec<u8>)>(CHUNKS);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now().max(connected) + ROUND_TRIP / 2;
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
