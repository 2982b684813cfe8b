//! A login that is renewed while calls wait for each other.

use serde_json::json;

use super::{ENVIRONMENT, Scene};
use stand_ins::pulumi_cloud::configuration::{Owner, USER};

#[test]
fn calls_around_a_renewed_login_open_at_most_twice() {
    for count in [1, 2, 6] {
        let scene = Scene::cloud();
        let url = scene.setting.url();
        let refresh_token = scene
            .setting
            .cloud()
            .refresh_token(Owner::Personal(USER.to_owned()));
        let account = json!({
            "accessToken": "pul-expired",
            "refreshToken": &refresh_token,
            "username": USER,
            "tokenInformation": {"name": "laptop", "expiresAt": "2024-01-01T00:00:00Z"},
        });
        let file = json!({
            "current": &url,
            "accessTokens": {&url: "pul-expired"},
            "accounts": {&url: account},
        });
        let plugin = scene
            .world
            .plugin()
            .args(["get-token", ENVIRONMENT, "-i", "prod"])
            .file("home/.pulumi/credentials.json", file.to_string());
        let mut scene = scene.with(|_| plugin);
        scene.secrets.push(refresh_token);
        let outputs: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| scene.run())).collect();
            let outputs = threads.into_iter().map(|thread| thread.join().unwrap());
            outputs.collect()
        });
        for output in &outputs {
            scene.setting.assert_token(output);
        }
        let operations = scene.setting.cloud().operations();
        let calls = |name: &str| operations.iter().filter(|it| *it == name).count();
        assert_eq!(calls("token"), 1, "{operations:?}");
        assert!((1..=2).contains(&calls("open")), "{operations:?}");
        // Whoever comes later has at most that one opening to make.
        scene.run().token();
        let operations = scene.setting.cloud().operations();
        let opened = operations.iter().filter(|it| *it == "open").count();
        assert!(opened <= 2, "{operations:?}");
        scene.assert_hit();
    }
}
