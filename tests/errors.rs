//! `get-token` where something is wrong: exactly what it says, and its exit code. Standard output
//! is empty in every row (the runner checks that), and no secret shows at any verbosity.

use std::time::Instant;

use crate::support::oidc::Issuer;
use crate::support::plugin::{Output, Plugin};
use crate::support::sts::Failure;
use crate::support::world::{AUDIENCE, SUBJECT, VIEWER, World, project_file};

/// A row: its name, how it comes about, standard error, exit code.
type Row = (&'static str, fn(&Table) -> Plugin, &'static str, i32);

/// What the rows are made of.
struct Table {
    world: World,
}

/// A plain text that no output may hold, wherever a row puts it.
const SECRET: &str = "hunter2-hunter2";

impl Table {
    fn new() -> Self {
        Self { world: World::new() }
    }

    /// `get-token env.yaml` for a cluster and region, with this definition.
    fn definition(&self, text: &str) -> Plugin {
        self.world
            .plugin_with_identity()
            .file("env.yaml", text)
            .args(["get-token", "env.yaml", "-i", "demo", "--region", "eu-west-1"])
    }

    /// The same with the example of the project for `oidc`.
    fn oidc(&self) -> Plugin {
        self.definition(&project_file("examples/environments/oidc.yaml"))
    }

    /// The same for a world in which this is different.
    fn oidc_in(world: &World) -> Plugin {
        Self { world: World { issuer: world.issuer.clone(), clock: world.clock.clone(), sts: world.sts.clone() } }.oidc()
    }

    /// The same with static credentials and no settings.
    fn plain(&self) -> Plugin {
        self.world.plugin().file(
            "env.yaml",
            format!(
                "values:\n  aws:\n    fn::open::aws-login:\n      static:\n        accessKeyId: \
                 AKIDEXAMPLE\n        secretAccessKey: {{fn::secret: {SECRET}}}\n"
            ),
        )
    }
}

