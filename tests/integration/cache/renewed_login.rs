//! A login that is renewed while calls wait for each other.

use serde_json::json;
use stand_ins::pulumi_cloud::configuration::{Owner, USER};

use super::{CacheFixture, ENVIRONMENT};

#[test]
fn concurrent_calls_during_a_login_renewal_open_at_most_twice() {
    for count in [1, 2, 6] {
        let fixture = CacheFixture::cloud();
        let url = fixture.pulumi_cloud.url();
        let refresh_token = fixture
            .pulumi_cloud
            .stand_in()
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
        let plugin = fixture
            .aws
            .plugin()
            .args(["get-token", ENVIRONMENT, "-i", "prod"])
            .file("home/.pulumi/credentials.json", file.to_string());
        let mut fixture = fixture.with(|_| plugin);
        fixture.secrets.push(refresh_token);
        let outputs: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| fixture.run())).collect();
            let outputs = threads.into_iter().map(|thread| thread.join().unwrap());
            outputs.collect()
        });
        for output in &outputs {
            fixture.pulumi_cloud.assert_token(output);
        }
        let operations = fixture.pulumi_cloud.stand_in().operations();
        let calls = |name: &str| {
            operations
                .iter()
                .filter(|operation| *operation == name)
                .count()
        };
        assert_eq!(calls("token"), 1, "{operations:?}");
        assert!((1..=2).contains(&calls("open")), "{operations:?}");
        // Later calls open at most once more.
        fixture.run().token();
        let operations = fixture.pulumi_cloud.stand_in().operations();
        let opened = operations
            .iter()
            .filter(|operation| *operation == "open")
            .count();
        assert!(opened <= 2, "{operations:?}");
        fixture.assert_hit();
    }
}
