//! Extractors that turn every rejection into the API's own error.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::context::RequestContext;
use super::error::ApiError;
use super::guard::BodyLeft;
use super::idempotency;
use super::input::{FromInput, Input, InputSource};
use super::json::{self, Fields, Json, shortened};

/// A JSON body, read strictly by the rules of its fields.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: FromInput> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let declared = content_type(request.headers());
        let encoded = is_encoded(request.headers());
        let may_come_again = request.headers().contains_key(idempotency::HEADER);
        if request.extensions().get::<BodyLeft>().is_some() {
            return Err(ApiError::PayloadTooLarge);
        }
        // The guard has read it already, within its limits.
        let bytes = request.into_body().collect().await.map_err(ApiError::internal)?.to_bytes();
        if may_come_again && let Some(context) = RequestContext::current() {
            context.note_body(Sha256::digest(&bytes).into());
        }
        if encoded {
            return Err(ApiError::EncodedBody);
        }
        match declared {
            // No body is an empty object, so that the answer names the missing fields.
            ContentType::None if bytes.is_empty() => {
                return Input::parse(Fields::default(), InputSource::Body).map(Self);
            }
            ContentType::None | ContentType::Other => return Err(ApiError::UnsupportedMediaType),
            ContentType::Json => {}
        }
        if bytes.is_empty() {
            return Input::parse(Fields::default(), InputSource::Body).map(Self);
        }
        match json::parse(&bytes) {
            Ok(Json::Object(fields)) => Input::parse(fields, InputSource::Body).map(Self),
            Ok(_) => Err(ApiError::BadRequest("The body must be a JSON object".to_owned())),
            Err(error) => Err(ApiError::BadRequest(format!("The body is not valid JSON: {error}"))),
        }
    }
}

/// Tells if the body has a content coding, such as compression.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

enum ContentType {
    None,
    Json,
    Other,
}

fn content_type(headers: &HeaderMap) -> ContentType {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return ContentType::None };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        ContentType::Json
    } else {
        ContentType::Other
    }
}

/// A query string, read strictly by the rules of its fields.
#[derive(Debug)]
pub struct QueryString<T>(pub T);

impl<S: Send + Sync, T: FromInput> FromRequestParts<S> for QueryString<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::BadRequest("The query string is not valid UTF-8".to_owned()))?;
        // Some clients add a `_` with a new value to every GET, to get past caches.
        let asked = query.0.into_iter().filter(|(key, _)| key != "_");
        let fields = asked.map(|(key, value)| (key, Json::String(value))).collect();
        let fields = Fields::new(fields)
            .map_err(|key| ApiError::Validation(vec![format!("{} must be given once", shortened(&key))]))?;
        Input::parse(fields, InputSource::Query).map(Self)
    }
}

/// A query string without parameters: an answer that ignored one would be wrong.
#[derive(Debug)]
pub struct NoParameters;

impl FromInput for NoParameters {
    fn from_input(_: &mut Input) -> Option<Self> {
        Some(Self)
    }
}

/// An id for a message. An id out of range was read as the nearest number in range, and is shown as it stands in the request.
#[must_use]
pub fn shown_id(id: i64) -> String {
    let context = if matches!(id, i64::MIN | i64::MAX) { RequestContext::current() } else { None };
    let path = context.as_ref().and_then(|context| context.path().split('?').next());
    let asked =
        path.into_iter().flat_map(|path| path.split('/')).find(|part| is_whole(part) && part.parse::<i64>().is_err());
    asked.map_or_else(|| id.to_string(), shortened)
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The id of a row, from the path. Anything but an integer is answered with 400; an integer out of range finds no row.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let refused = || ApiError::BadRequest("Validation failed (numeric string is expected)".to_owned());
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| refused())?;
        if !is_whole(&text) {
            return Err(refused());
        }
        Ok(Self(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })))
    }
}
