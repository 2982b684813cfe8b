//! STS's responses in XML or, on request, JSON, each with a request id and a date.

use aws_lc_rs::rand;
use encodings::timestamp::{self, Seconds};
use serde_json::json;

use crate::http::Response;
use crate::sigv4::hexadecimal;

/// An error of STS, in AWS's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StsError {
    /// The HTTP status.
    pub status: u16,
    /// Such as `AccessDenied`.
    pub code: String,
    /// The message.
    pub message: String,
}

impl StsError {
    /// An error with a status, a code and a message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// The error for an invalid parameter.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// The error for a parameter that violates a constraint of the service's model.
    pub fn constraint(value: &str, parameter: &str, constraint: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy \
             constraint: Member must {constraint}"
        ))
    }
}

/// The result of an action.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The result of `AssumeRole…`.
    Assumed(Assumed),
    /// The result of `GetCallerIdentity`.
    Identity {
        /// The account's number.
        account: String,
        /// The caller's ARN.
        arn: String,
        /// The caller's unique id.
        user_id: String,
    },
}

/// Issued credentials and their session.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// Such as `ASIA…`.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: String,
    /// The session token.
    pub session_token: String,
    /// When they expire.
    pub expires_at: Seconds,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub arn: String,
    /// `AROA…:SESSION`.
    pub user_id: String,
    /// Further elements, such as `Provider`.
    pub extra: Vec<(&'static str, String)>,
}

/// Formats the response to a request.
pub fn write(
    action: &str,
    outcome: Result<&Answer, &StsError>,
    as_json: bool,
    now: Seconds,
) -> Response {
    let request_id = request_id();
    let (status, body) = match (outcome, as_json) {
        (Ok(answer), false) => (200, success_xml(action, answer, &request_id)),
        (Ok(answer), true) => (200, success_json(action, answer, &request_id)),
        (Err(error), false) => (error.status, error_xml(error, &request_id)),
        (Err(error), true) => (error.status, error_json(error, &request_id)),
    };
    let content_type = if as_json {
        "application/json"
    } else {
        "text/xml"
    };
    let mut response = Response::new(status, content_type, body);
    let headers = [
        ("x-amzn-RequestId", request_id),
        ("Date", timestamp::http_date(now)),
    ];
    for (name, value) in headers {
        response.headers.push((name.to_owned(), value));
    }
    response
}

fn success_xml(action: &str, answer: &Answer, request_id: &str) -> String {
    let result = match answer {
        Answer::Identity {
            account,
            arn,
            user_id,
        } => elements(&[("Arn", arn), ("UserId", user_id), ("Account", account)]),
        Answer::Assumed(assumed) => {
            let credentials = elements(&[
                ("AccessKeyId", &assumed.access_key_id),
                ("SecretAccessKey", &assumed.secret_access_key),
                ("SessionToken", &assumed.session_token),
                ("Expiration", &timestamp::rfc3339(assumed.expires_at)),
            ]);
            let user = elements(&[("AssumedRoleId", &assumed.user_id), ("Arn", &assumed.arn)]);
            let extra: Vec<_> = assumed
                .extra
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            format!(
                "<Credentials>{credentials}</Credentials>\
                 <AssumedRoleUser>{user}</AssumedRoleUser>{}",
                elements(&extra)
            )
        }
    };
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </{action}Response>\n"
    )
}

fn success_json(action: &str, answer: &Answer, request_id: &str) -> String {
    let result = match answer {
        Answer::Identity {
            account,
            arn,
            user_id,
        } => json!({"Account": account, "Arn": arn, "UserId": user_id}),
        Answer::Assumed(assumed) => json!({
            "Credentials": {
                "AccessKeyId": assumed.access_key_id,
                "SecretAccessKey": assumed.secret_access_key,
                "SessionToken": assumed.session_token,
                "Expiration": assumed.expires_at,
            },
            "AssumedRoleUser": {"AssumedRoleId": assumed.user_id, "Arn": assumed.arn},
        }),
    };
    let response = json!({
        format!("{action}Result"): result,
        "ResponseMetadata": {"RequestId": request_id},
    });
    json!({format!("{action}Response"): response}).to_string()
}

fn error_xml(error: &StsError, request_id: &str) -> String {
    let elements = elements(&[
        ("Type", fault(error)),
        ("Code", &error.code),
        ("Message", &error.message),
    ]);
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <Error>{elements}</Error><RequestId>{request_id}</RequestId></ErrorResponse>\n"
    )
}

fn error_json(error: &StsError, request_id: &str) -> String {
    let error = json!({
        "Type": fault(error),
        "Code": error.code,
        "Message": error.message,
    });
    json!({"Error": error, "RequestId": request_id}).to_string()
}

fn fault(error: &StsError) -> &'static str {
    if error.status < 500 {
        "Sender"
    } else {
        "Receiver"
    }
}

fn elements(pairs: &[(&str, &str)]) -> String {
    let written = pairs
        .iter()
        .map(|(name, value)| format!("<{name}>{}</{name}>", escape(value)));
    written.collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn request_id() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    let text = hexadecimal(&bytes);
    let (a, b) = (&text[..8], &text[8..12]);
    format!(
        "{a}-{b}-{}-{}-{}",
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}
