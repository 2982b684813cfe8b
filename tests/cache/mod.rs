//! The cache, through the binary.

mod clock;

use crate::cloud::Setting;
use crate::support::plugin::Plugin;

/// The place of the plugin's cache.
fn folder(plugin: &Plugin) -> std::path::PathBuf {
    plugin.path("home/.kube/cache/kubectl-esc")
}

#[test]
fn the_second_call_needs_no_network() {
    let setting = Setting::new();
    let plugin = setting.get_token("acme/platform/prod");
    let first = plugin.run();
    setting.assert_token(&first);
    let opened = setting.calls().len();
    assert_eq!(opened, 2);
    let second = plugin.run();
    setting.assert_token(&second);
    assert_eq!(setting.calls().len(), opened);
    assert!(folder(&plugin).is_dir());
}
