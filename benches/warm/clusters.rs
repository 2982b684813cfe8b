//! One environment for many clusters, with and without sharing what is opened.

use std::thread;
use std::time::{Duration, Instant};

use stand_ins::pulumi_cloud::configuration::TOKEN;

use crate::delay;
use crate::measure::{self, Program};
use crate::services::{ENVIRONMENT, Services};

/// The number of clusters.
const CLUSTERS: usize = 20;

pub(crate) fn run(runs: usize) {
    println!("| {CLUSTERS} clusters | sharing | opened | median time, 50 ms away |");
    println!("| --- | --- | ---: | ---: |");
    for (order, call) in [
        ("one after another", one_after_another as fn(&[Program])),
        ("at once", at_once),
    ] {
        for (sharing, flags) in [("no", &["--no-cache"][..]), ("yes", &[])] {
            let runs = (0..runs).map(|_| measure_run(call, flags));
            let (opened, times): (Vec<_>, Vec<_>) = runs.unzip();
            let most = opened.into_iter().max().expect("a run");
            let time = measure::milliseconds(measure::median(times));
            println!("| {order} | {sharing} | {most} | {time} |");
        }
    }
}

/// Gets a token for each cluster, with an empty cache. Returns how often the environment was opened, and the time.
fn measure_run(call: fn(&[Program]), flags: &[&str]) -> (usize, Duration) {
    let services = Services::new();
    let cloud = services.cloud.behind_tls(&services.authority);
    let cloud = delay::start(cloud.address()).expect("a port");
    let programs: Vec<_> = (0..CLUSTERS)
        .map(|number| {
            let mut command = services.kubectl_esc();
            command
                .args(["get-token", ENVIRONMENT, "-i", &format!("c{number}")])
                .args(flags)
                .env("SSL_CERT_FILE", services.path("authority.pem"))
                .env(
                    "PULUMI_BACKEND_URL",
                    format!("https://localhost:{}", cloud.port()),
                )
                .env("PULUMI_ACCESS_TOKEN", TOKEN);
            Program::new("", &command)
        })
        .collect();
    let start = Instant::now();
    call(&programs);
    let time = start.elapsed();
    (services.cloud.sessions_opened(), time)
}

fn one_after_another(programs: &[Program]) {
    for program in programs {
        program.run();
    }
}

fn at_once(programs: &[Program]) {
    thread::scope(|scope| {
        for program in programs {
            scope.spawn(|| program.run());
        }
    });
}
