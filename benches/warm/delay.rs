//! A forwarder that makes this machine's own servers as far away as others are.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a direction may hold, in pieces of 16 KiB.
const PIECES: usize = 64;

/// Forwards to a server, each direction half of `round_trip` late. The handshake of TCP, which the
/// kernel answers at once, is made up for on the first bytes.
///
/// Its threads end with the process.
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
    let (pieces, late) = mpsc::sync_channel::<(Instant, Vec<u8>)>(PIECES);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now().max(connected) + delay;
            if pieces.send((due, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, piece) in late {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
