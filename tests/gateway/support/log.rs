//! Reading what the gateway wrote.
use serde_json::Value;

/// Every line that is a JSON object.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(Value::is_object).collect()
}

/// The access lines: one for each request.
pub(crate) fn requests(text: &str) -> Vec<Value> {
    lines(text).into_iter().filter(|line| line["request_id"].is_string() && line["status"].is_u64()).collect()
}

/// The access line of one request.
pub(crate) fn request(text: &str, id: &str) -> Option<Value> {
    let lines = text.lines().rev().filter(|line| line.contains(id)).filter_map(|line| requests(line).pop());
    lines.into_iter().find(|line| line["request_id"] == id)
}
