/// The depth that yaml.v3 accepts.
pub(crate) const YAML_V3_DEPTH: usize = 10_000;

/// What [`parse`](crate::parse) accepts. Limits are checked while reading, before a larger tree is
/// built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The deepest nesting of sequences and mappings. With 10,000 or more, yaml.v3's own limit
    /// applies, with its message.
    pub max_depth: usize,
    /// The most nodes: scalars (keys included), aliases, sequences and mappings.
    pub max_nodes: usize,
    /// The longest key, in bytes of its value.
    pub max_key_bytes: usize,
}

impl Default for Limits {
    /// yaml.v3's limits: a nesting of 10,000, and nothing else.
    fn default() -> Self {
        Self {
            max_depth: YAML_V3_DEPTH,
            max_nodes: usize::MAX,
            max_key_bytes: usize::MAX,
        }
    }
}
