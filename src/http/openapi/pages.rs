//! The document and Swagger UI over it, as they are sent: compressed once, and the same bytes for every client.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, routing};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use futures_util::stream;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::DOCUMENT_PATH;
use crate::http::answer::SharedBytes;
use crate::http::error::ApiError;

/// The bytes of a piece of what is decompressed for a client that takes nothing else.
const PIECE: usize = 16 * 1024;

/// The document as it is sent.
struct Document {
    plain: Bytes,
    gzip: Bytes,
}

/// The routes of the document and of its page.
pub(in crate::http) fn router(document: &OpenApi) -> Router {
    // Written once: as a tree it takes megabytes, and nobody looks into it again.
    let written = write(document).map(Arc::new).map_err(|error| error.to_string());
    let document = move |headers: HeaderMap| std::future::ready(served(&written, &headers));
    let page = Router::new()
        .route("/api/docs", routing::get(|| std::future::ready(Redirect::to("/api/docs/"))))
        .route("/api/docs/", routing::get(async |State(config), headers: HeaderMap| file(config, "", &headers)))
        .route(
            "/api/docs/{file}",
            routing::get(async |State(config), Path(name): Path<String>, headers: HeaderMap| {
                file(config, &name, &headers)
            }),
        )
        .with_state(Arc::new(Config::from(DOCUMENT_PATH)));
    Router::new().route(DOCUMENT_PATH, routing::get(document)).merge(page)
}

fn write(document: &OpenApi) -> std::io::Result<Document> {
    let plain = serde_json::to_vec(document)?;
    let mut gzip = Vec::new();
    GzEncoder::new(plain.as_slice(), Compression::best()).read_to_end(&mut gzip)?;
    Ok(Document { plain: plain.into(), gzip: gzip.into() })
}

fn served(written: &Result<Arc<Document>, String>, headers: &HeaderMap) -> Response {
    match written {
        Ok(document) if takes_gzip(headers) => shared("application/json", true, document.gzip.clone().into()),
        Ok(document) => shared("application/json", false, document.plain.clone().into()),
        Err(error) => ApiError::internal(error.clone()).into_response(),
    }
}

/// A file of Swagger UI, which is a page with scripts and styles of its own, from here and nowhere else.
fn file(config: Arc<Config<'static>>, name: &str, headers: &HeaderMap) -> Response {
    let own = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
               form-action 'none'; frame-ancestors 'none'";
    let file = match utoipa_swagger_ui::serve(name, config) {
        Ok(Some(file)) => file,
        Ok(None) => return ApiError::NoRoute.into_response(),
        Err(error) => return ApiError::internal(error.to_string()).into_response(),
    };
    let as_it_is = !file.gzpipped || takes_gzip(headers);
    let body = match file.bytes {
        Cow::Borrowed(bytes) if as_it_is => Bytes::from_static(bytes).into(),
        Cow::Borrowed(bytes) => decompressed(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = shared(&file.content_type, file.gzpipped && as_it_is, body);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(own));
    response
}

/// Decompresses as fast as the client takes it, so that nothing of it is held.
fn decompressed(bytes: &'static [u8]) -> Body {
    Body::from_stream(stream::unfold(GzDecoder::new(bytes), |mut decoder| async move {
        // Others have their turn between two pieces: a thousand clients that want all of it would keep them waiting.
        tokio::task::yield_now().await;
        let mut piece = vec![0; PIECE];
        match decoder.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(Bytes::from(piece)), decoder))
            }
            Err(error) => Some((Err(error), decoder)),
        }
    }))
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|codings| codings.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn shared(content_type: &str, is_gzip: bool, body: Body) -> Response {
    let mut response = Response::new(body);
    response.extensions_mut().insert(SharedBytes);
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
