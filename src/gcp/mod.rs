//! Google Cloud: access tokens.

pub(crate) mod find_access_token;
