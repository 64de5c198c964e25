//! The document and Swagger UI over it, as they are sent: compressed once, and the same bytes for every client.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, routing};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::DOCUMENT_PATH;
use crate::http::answer::SharedBytes;
use crate::http::error::ApiError;

/// The document as it is sent.
struct Document {
    plain: Bytes,
    gzip: Bytes,
}

/// The files of Swagger UI, which are in the binary compressed.
struct Files {
    config: Arc<Config<'static>>,
    /// Those that a client wanted decompressed. Decompressing them for each client would take its time from the others.
    plain: Mutex<HashMap<String, Bytes>>,
}

/// The routes of the document and of its page.
pub(in crate::http) fn router(document: &OpenApi) -> Router {
    // Written once: as a tree it takes megabytes, and nobody looks into it again.
    let written = write(document).map(Arc::new).map_err(|error| error.to_string());
    let document = move |headers: HeaderMap| std::future::ready(served(&written, &headers));
    let page = Router::new()
        .route("/api/docs", routing::get(|| std::future::ready(Redirect::to("/api/docs/"))))
        .route(
            "/api/docs/",
            routing::get(async |State(files): State<Arc<Files>>, headers: HeaderMap| files.serve("", &headers)),
        )
        .route(
            "/api/docs/{file}",
            routing::get(async |State(files): State<Arc<Files>>, Path(name): Path<String>, headers: HeaderMap| {
                files.serve(&name, &headers)
            }),
        )
        .with_state(Arc::new(Files { config: Arc::new(Config::from(DOCUMENT_PATH)), plain: Mutex::default() }));
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
        Ok(document) if takes_gzip(headers) => shared("application/json", true, document.gzip.clone()),
        Ok(document) => shared("application/json", false, document.plain.clone()),
        Err(error) => ApiError::internal(error.clone()).into_response(),
    }
}

impl Files {
    /// A file of Swagger UI, which is a page with scripts and styles of its own, from here and nowhere else.
    fn serve(&self, name: &str, headers: &HeaderMap) -> Response {
        let own = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
                   form-action 'none'; frame-ancestors 'none'";
        let file = match utoipa_swagger_ui::serve(name, Arc::clone(&self.config)) {
            Ok(Some(file)) => file,
            Ok(None) => return ApiError::NoRoute.into_response(),
            Err(error) => return ApiError::internal(error.to_string()).into_response(),
        };
        let decompress = file.gzpipped && !takes_gzip(headers);
        let body = match file.bytes {
            bytes if decompress => match self.decompressed(name, &bytes) {
                Ok(plain) => plain,
                Err(error) => return ApiError::internal(error).into_response(),
            },
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let mut response = shared(&file.content_type, file.gzpipped && !decompress, body);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(own));
        response
    }

    fn decompressed(&self, name: &str, gzip: &[u8]) -> std::io::Result<Bytes> {
        // While one request decompresses it, those that want it, too, wait some milliseconds for that.
        let mut files = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plain) = files.get(name) {
            return Ok(plain.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(gzip).read_to_end(&mut plain)?;
        plain.shrink_to_fit();
        let plain = Bytes::from(plain);
        files.insert(name.to_owned(), plain.clone());
        Ok(plain)
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|codings| codings.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn shared(content_type: &str, is_gzip: bool, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
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
