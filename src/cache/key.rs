//! The question that an entry answers.

use crate::digest::Sha256;

/// Everything, besides the login and the files, that changes which credentials a call gets or what
/// is signed with them. Each text is as it was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Key<'a> {
    /// The URL of Pulumi Cloud.
    pub backend: Option<&'a str>,
    /// Whose login it is.
    pub principal: Option<&'a str>,
    /// The organisation of names that have none, where this machine says it.
    pub organization: Option<&'a str>,
    /// The environment: the full path of a definition, or the name with its version.
    pub environment: &'a str,
    /// Whether Pulumi Cloud evaluates a local definition.
    pub remote: bool,
    /// The folder for imports.
    pub root: Option<&'a str>,
    /// The environment that decrypts the ciphertexts of a local definition.
    pub secrets_of: Option<&'a str>,
    /// The kind of access token that is asked for.
    pub token_type: Option<&'a str>,
    /// The audience of the identity token.
    pub audience: Option<&'a str>,
    /// The cluster's name.
    pub cluster_name: Option<&'a str>,
    /// The region.
    pub region: Option<&'a str>,
    /// The region in the host name of the API server.
    pub server_region: Option<&'a str>,
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`.
    pub default_region: Option<&'a str>,
    /// The role on top.
    pub role_arn: Option<&'a str>,
    /// Its external id.
    pub external_id: Option<&'a str>,
    /// Its session name.
    pub session_name: Option<&'a str>,
    /// The path of the credentials in the environment.
    pub credentials: Option<&'a str>,
    /// The path of an identity token in the environment.
    pub web_identity: Option<&'a str>,
    /// How long credentials of unknown end are used.
    pub credential_lifetime: Option<&'a str>,
    /// The cluster's extension, as JSON.
    pub extension: Option<&'a str>,
    /// The endpoint in place of that of AWS STS.
    pub endpoint: Option<&'a str>,
    /// Whether endpoints are those of FIPS.
    pub fips: bool,
    /// Whether endpoints are dual-stack.
    pub dual_stack: bool,
}

impl Key<'_> {
    /// The hash of all fields.
    #[must_use]
    pub fn hash(&self) -> Sha256 {
        // Every field is named, so that a new one is not forgotten here.
        let Self {
            backend,
            principal,
            organization,
            environment,
            remote,
            root,
            secrets_of,
            token_type,
            audience,
            cluster_name,
            region,
            server_region,
            default_region,
            role_arn,
            external_id,
            session_name,
            credentials,
            web_identity,
            credential_lifetime,
            extension,
            endpoint,
            fips,
            dual_stack,
        } = *self;
        let switch = |on: bool| on.then_some("true");
        Sha256::of_fields(&[
            ("format", Some(super::entry::FORMAT)),
            ("backend", backend),
            ("principal", principal),
            ("organization", organization),
            ("environment", Some(environment)),
            ("remote", switch(remote)),
            ("root", root),
            ("secrets of", secrets_of),
            ("token type", token_type),
            ("audience", audience),
            ("cluster name", cluster_name),
            ("region", region),
            ("server region", server_region),
            ("default region", default_region),
            ("role ARN", role_arn),
            ("external id", external_id),
            ("session name", session_name),
            ("credentials", credentials),
            ("web identity", web_identity),
            ("credential lifetime", credential_lifetime),
            ("extension", extension),
            ("endpoint", endpoint),
            ("FIPS", switch(fips)),
            ("dual-stack", switch(dual_stack)),
        ])
    }
}
