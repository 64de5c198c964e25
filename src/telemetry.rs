//! Logging and metrics.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};

/// Upper bounds of the histogram buckets for durations, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Starts logging to standard error. Later calls have no effect.
pub fn start_logging(config: &LogConfig) {
    // The configuration has validated the filter.
    let filter = EnvFilter::builder().parse_lossy(&config.filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().try_init()
        }
        LogFormat::Human => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.compact().with_ansi(colours).with_target(false).finish().try_init()
        }
    };
    // An error means that logging has been started before; that logger stays.
    drop(started);
}

/// Starts the metrics recorder, once per process.
///
/// # Errors
/// [`BuildError`] if a recorder is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let matcher = Matcher::Full("http_request_duration_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(matcher, BUCKETS)?.install_recorder()?;
    metrics::describe_counter!("http_requests_total", "Requests answered, by method, route and status.");
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time to the head of the answer."
    );
    metrics::describe_gauge!("db_connections", "Connections to the database, by pool and state.");
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}
