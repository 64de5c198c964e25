//! The document and Swagger UI over it, as they are sent: compressed once, and the same bytes for every client.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, routing};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use serde_json::Value;
use utoipa_swagger_ui::Config;

use super::document::{DOCUMENT_PATH, TITLE};
use crate::http::answer::SharedBytes;
use crate::http::error::ApiError;

/// A file as it is sent.
struct ServedFile {
    plain: Bytes,
    gzip: Bytes,
}

/// The files of Swagger UI, which are in the binary compressed.
struct Files {
    config: Arc<Config<'static>>,
    /// The page itself, which has the title of the document.
    page: Result<ServedFile, String>,
    /// The files that a client wanted decompressed. Decompressing them for each client would take its time from the others.
    plain: Mutex<HashMap<String, Bytes>>,
}

/// The routes of the document and of its page.
pub(in crate::http) fn router(document: &Value) -> Router {
    // Serialized once: as a tree it takes megabytes, and nobody looks into it again.
    let written = serde_json::to_vec(document).map_err(std::io::Error::from).and_then(write);
    let written = written.map(Arc::new).map_err(|error| error.to_string());
    let document =
        move |headers: HeaderMap| std::future::ready(served(written.as_deref(), "application/json", &headers));
    let page = Router::new()
        .route("/api/docs", routing::get(|| std::future::ready(Redirect::to("/api/docs/"))))
        .route(
            "/api/docs/",
            routing::get(async |State(files): State<Arc<Files>>, headers: HeaderMap| files.serve(PAGE, &headers)),
        )
        .route(
            "/api/docs/{file}",
            routing::get(async |State(files): State<Arc<Files>>, Path(name): Path<String>, headers: HeaderMap| {
                files.serve(&name, &headers)
            }),
        )
        .with_state(Arc::new(Files::new()));
    Router::new().route(DOCUMENT_PATH, routing::get(document)).merge(page)
}

fn write(plain: Vec<u8>) -> std::io::Result<ServedFile> {
    let mut gzip = Vec::new();
    GzEncoder::new(plain.as_slice(), Compression::best()).read_to_end(&mut gzip)?;
    Ok(ServedFile { plain: plain.into(), gzip: gzip.into() })
}

/// The page's file.
const PAGE: &str = "index.html";

/// Swagger UI's page with the title of the document.
fn titled(config: &Arc<Config<'static>>) -> Result<ServedFile, String> {
    let file = utoipa_swagger_ui::serve(PAGE, Arc::clone(config)).map_err(|error| error.to_string())?;
    let file = file.ok_or("Swagger UI has no page")?;
    let mut page = String::new();
    let read = if file.gzpipped {
        GzDecoder::new(file.bytes.as_ref()).read_to_string(&mut page)
    } else {
        file.bytes.as_ref().read_to_string(&mut page)
    };
    read.map_err(|error| error.to_string())?;
    let page = page.replacen("<title>Swagger UI</title>", &format!("<title>{TITLE}</title>"), 1);
    write(page.into_bytes()).map_err(|error| error.to_string())
}

fn served(written: Result<&ServedFile, &String>, content_type: &str, headers: &HeaderMap) -> Response {
    match written {
        Ok(file) if takes_gzip(headers) => shared(content_type, true, file.gzip.clone()),
        Ok(file) => shared(content_type, false, file.plain.clone()),
        Err(error) => ApiError::internal(error.clone()).into_response(),
    }
}

/// The content security policy of the page.
const OWN: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
                   form-action 'none'; frame-ancestors 'none'";

impl Files {
    fn new() -> Self {
        // The plain layout has no box for the address of another document.
        let config = Config::from(DOCUMENT_PATH).use_base_layout().persist_authorization(true).try_it_out_enabled(true);
        let config = Arc::new(config);
        Self { page: titled(&config), config, plain: Mutex::default() }
    }

    /// A file of Swagger UI, which is a page with scripts and styles of its own, from here and nowhere else.
    fn serve(&self, name: &str, headers: &HeaderMap) -> Response {
        let mut response =
            if name == PAGE { served(self.page.as_ref(), "text/html", headers) } else { self.file(name, headers) };
        if response.status().is_success() {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN));
        }
        response
    }

    fn file(&self, name: &str, headers: &HeaderMap) -> Response {
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
        shared(&file.content_type, file.gzpipped && !decompress, body)
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

/// `/`, where a browser begins, leads to the page; to everybody else there is nothing.
pub(in crate::http) async fn to_page(headers: HeaderMap) -> Response {
    if takes(&headers, &header::ACCEPT, "text/html") {
        let mut response = Redirect::to("/api/docs/").into_response();
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        return response;
    }
    ApiError::NoRoute.into_response()
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    takes(headers, &header::ACCEPT_ENCODING, "gzip")
}

/// Tells if a header names something, and does not refuse it by the weight 0.
fn takes(headers: &HeaderMap, header: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|values| values.split(',')).any(|value| {
        let mut parts = value.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        named && !parts.filter_map(|part| part.strip_prefix("q=")).any(|weight| weight.trim().parse() == Ok(0.0))
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
