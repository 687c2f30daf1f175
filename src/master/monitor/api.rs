//! `/api`: the interface for people who program, made from the same document that programs read. No script, no request to
//! anywhere else.

use super::{Around, Unshown, show};
use crate::master::http::Shared;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

/// All calls.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section class="card interface"><h1>The interface, version 1</h1>
<p>{{ description }} Programs read it as <a href="/api/v1/openapi.json">OpenAPI 3.1</a>. The examples are what a real master answered.</p>
{% for call in calls %}
<details id="{{ call.id }}">
<summary><code><b>{{ call.method }}</b> {{ call.path }}</code> <span class="soft">{{ call.summary }}</span></summary>
{% if !call.description.is_empty() %}<p>{{ call.description }}</p>{% endif %}
{% if !call.parameters.is_empty() %}
<div class="scroll"><table class="plain">
<tr><th>Parameter</th><th>Where</th><th>Type</th><th></th></tr>
{% for parameter in call.parameters %}
<tr><td><code>{{ parameter.name }}</code></td><td>{{ parameter.place }}</td><td>{{ parameter.kind }}</td><td>{{ parameter.description }}</td></tr>
{% endfor %}
</table></div>
{% endif %}
{% if !call.request.is_empty() %}<h3>Asked</h3><pre>{{ call.request }}</pre>{% endif %}
{% if !call.answer.is_empty() %}<h3>Answered</h3><pre>{{ call.answer }}</pre>{% endif %}
</details>
{% endfor %}
</section>
"#
)]
struct ApiPage<'a> {
    description: &'a str,
    calls: Vec<Call<'a>>,
}

struct Call<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    description: &'a str,
    parameters: Vec<Parameter<'a>>,
    request: String,
    answer: String,
}

struct Parameter<'a> {
    name: &'a str,
    place: &'a str,
    kind: &'a str,
    description: &'a str,
}

pub(super) async fn page(State(app): Shared) -> Result<Response, Unshown> {
    let document = &app.document;
    let paths = document["paths"].as_object().into_iter().flatten();
    let calls = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(|(method, call)| read(path, method, call))
    });
    let page = ApiPage {
        description: text(&document["info"]["description"]),
        calls: calls.collect(),
    };
    show(&app.name, &Around::titled("The interface"), &page)
}

fn read<'a>(path: &'a str, method: &str, call: &'a Value) -> Call<'a> {
    let parameters = call["parameters"].as_array().into_iter().flatten();
    Call {
        id: text(&call["operationId"]),
        method: method.to_ascii_uppercase(),
        path,
        summary: text(&call["summary"]),
        description: text(&call["description"]),
        parameters: parameters
            .map(|parameter| Parameter {
                name: text(&parameter["name"]),
                place: text(&parameter["in"]),
                kind: kind(&parameter["schema"]["type"]),
                description: text(&parameter["description"]),
            })
            .collect(),
        request: example(&call["requestBody"]),
        answer: example(&call["responses"]["200"]),
    }
}

/// An optional value's type is a list that ends with null.
fn kind(kind: &Value) -> &str {
    kind.as_str().or_else(|| kind[0].as_str()).unwrap_or_default()
}

fn example(body: &Value) -> String {
    let mut contents = body["content"].as_object().into_iter().flatten();
    contents
        .next()
        .map_or_else(String::new, |(media_type, content)| match &content["example"] {
            Value::Null => format!("({media_type})"),
            Value::String(text) => text.clone(),
            example => serde_json::to_string_pretty(example).unwrap_or_default(),
        })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
