//! Requests an access token for AKS with the client credentials of an application (RFC 6749, section 4.4,
//! and RFC 7523, section 2.2).

use crate::azure::authority::AuthorityHost;
use crate::azure::failure;
use crate::azure::{AzureLogin, Proof};
use crate::context::Context;
use crate::error::Result;
use crate::oauth::{self, AccessToken};

/// The ID of the server application of AKS, which is the same in all clouds.
pub(crate) const AKS_SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// Requests an access token for the API servers of AKS clusters.
pub(crate) fn request_aks_token(
    context: Context<'_>,
    authority: &AuthorityHost,
    login: &AzureLogin,
) -> Result<AccessToken> {
    // All permissions of the application.
    let scope = format!("{AKS_SERVER_APPLICATION}/.default");
    let mut form = vec![
        ("client_id", login.client_id.as_str()),
        ("grant_type", "client_credentials"),
        ("scope", &scope),
    ];
    match &login.proof {
        Proof::Assertion(token) => form.extend([
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", token.expose().as_str()),
        ]),
        Proof::ClientSecret(secret) => form.push(("client_secret", secret.expose())),
    }
    let url = authority.token_url(&login.tenant_id);
    oauth::request_token(context, &url, &form, |response| {
        failure::rejection(authority, login, response)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::context::test_context::test_context;
    use crate::error::Kind;
    use crate::http::test_server::{TestServer, http_response};
    use crate::secret::Secret;

    fn login(proof: Proof) -> AzureLogin {
        AzureLogin {
            client_id: "5c1f".to_owned(),
            tenant_id: "acme.onmicrosoft.com".to_owned(),
            proof,
        }
    }

    #[test]
    fn client_credentials_are_posted_to_the_tenant() {
        let body = r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"e.y.J"}"#;
        let server = TestServer::responding([http_response(200, "", body)]);
        let authority = AuthorityHost::parse(&server.url()).unwrap();
        let scope = "client_id=5c1f&grant_type=client_credentials\
                     &scope=6dae42f8-4368-4678-94ff-3960e28e3630%2F.default";
        for (proof, form) in [
            (
                Proof::Assertion(Secret::from("a.b.c")),
                "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
                 &client_assertion=a.b.c",
            ),
            (
                Proof::ClientSecret(Secret::from("8Q~a+b")),
                "&client_secret=8Q~a%2Bb",
            ),
        ] {
            let context = test_context();
            let token = request_aks_token(context.get(), &authority, &login(proof)).unwrap();
            assert_eq!(token.token.expose(), "e.y.J");
            let expiry = Timestamp::from_rfc3339("2023-04-28T01:00:00Z");
            assert_eq!(token.expires_at, expiry);
            let request = server.requests().pop().unwrap();
            let (head, posted) = request.split_once("\r\n\r\n").unwrap();
            let line = "POST /acme.onmicrosoft.com/oauth2/v2.0/token HTTP/1.1\r\n";
            assert!(head.starts_with(line), "{head}");
            assert!(head.contains("\r\ncontent-type: application/x-www-form-urlencoded"));
            assert!(!head.to_lowercase().contains("authorization"), "{head}");
            assert_eq!(posted, format!("{scope}{form}"));
        }
    }

    #[test]
    fn response_without_a_token_is_an_error() {
        let server = TestServer::responding([http_response(200, "", "{}")]);
        let authority = AuthorityHost::parse(&server.url()).unwrap();
        let login = login(Proof::ClientSecret(Secret::from("8Q~hunter2")));
        let error = request_aks_token(test_context().get(), &authority, &login).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        let message = "the response from `127.0.0.1` has no access token";
        assert_eq!(error.to_string(), message);
    }
}
