//! The monitor's pages as templates. Everything that comes from outside is escaped.

use super::rows::{FrameRow, JobRow, SlaveRow};
use crate::ids::JobId;
use askama::Template;

/// What every page has around it.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{% if refresh_s > 0 %}<meta http-equiv="refresh" content="{{ refresh_s }}">{% endif %}
<title>{{ title }}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><h1><a href="/">netrender on {{ master }}</a></h1><p>{{ subtitle }}</p></header>
<main>{{ body|safe }}</main>
</body>
</html>
"#
)]
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) master: &'a str,
    pub(super) subtitle: &'a str,
    /// A page of our own making, escaped already.
    pub(super) body: &'a str,
    /// 0: never.
    pub(super) refresh_s: u32,
}

/// All jobs and slaves.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h2>Jobs</h2>
{% if jobs.is_empty() %}
<p class="empty">No jobs yet. Send one from Blender (Send job), or with <code>netrender submit</code>.</p>
{% else %}
<div class="scroll"><table>
<tr><th>Job</th><th>State</th><th>Progress</th><th>Frames</th><th>Left</th><th>Usage</th><th></th></tr>
{% for job in jobs %}
<tr>
<td><a href="/html/job/{{ job.id }}">{{ job.name }}</a>{% if !job.category.is_empty() %} <span class="soft">{{ job.category }}</span>{% endif %}</td>
<td class="{{ job.state }}">{{ job.state }}</td>
<td><progress max="{{ job.total }}" value="{{ job.done }}">{{ job.done }} of {{ job.total }}</progress></td>
<td>{{ job.done }} of {{ job.total }}{% if job.failed > 0 %}, <span class="failed">{{ job.failed }} failed</span>{% endif %}</td>
<td>{{ job.left }}</td>
<td>{{ job.usage_percent }} %</td>
<td>{{ job.buttons|safe }}</td>
</tr>
{% endfor %}
</table></div>
{% endif %}
<h2>Slaves</h2>
{% if slaves.is_empty() %}
<p class="empty">No slaves yet. Start one on any machine of the network with <code>netrender slave</code>.</p>
{% else %}
<div class="scroll"><table>
<tr><th>Slave</th><th>State</th><th>Doing</th><th>Done</th><th>Failed</th><th>Blender</th><th>Machine</th></tr>
{% for slave in slaves %}
<tr>
<td>{{ slave.name }} <span class="soft">{{ slave.address }}</span></td>
<td class="{{ slave.state }}">{{ slave.state }}</td>
<td>{% for line in slave.explanation %}{{ line }}<br>{% endfor %}</td>
<td>{{ slave.done }}</td>
<td>{{ slave.failed }}</td>
<td>{{ slave.blenders }}</td>
<td class="soft">{{ slave.machine }}</td>
</tr>
{% endfor %}
</table></div>
{% endif %}
"#
)]
pub(super) struct Overview<'a> {
    pub(super) jobs: &'a [JobRow],
    pub(super) slaves: &'a [SlaveRow],
}

/// One job with a page of its frames.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h2>{{ job.name }} <span class="{{ job.state }}">{{ job.state }}</span></h2>
<p><progress max="{{ job.total }}" value="{{ job.done }}">{{ job.done }} of {{ job.total }}</progress>
{{ job.done }} of {{ job.total }} frames done{% if job.failed > 0 %}, <span class="failed">{{ job.failed }} failed</span>{% endif %}</p>
{% for line in job.explanation %}<p class="soft">{{ line }}</p>{% endfor %}
<p>{{ job.buttons|safe }}
{% if job.done > 0 %}<a href="/api/v1/jobs/{{ job.id }}/results.zip">All results as zip</a>{% endif %}</p>
<div class="scroll"><table>
<tr><th>Frame</th><th>State</th><th>Slave</th><th>Seconds</th><th>Attempts</th><th>Result</th><th>Log</th><th></th></tr>
{% for frame in frames %}
<tr>
<td>{{ frame.frame }}</td>
<td class="{{ frame.state }}">{{ frame.state }}</td>
<td>{{ frame.slave }}</td>
<td>{{ frame.seconds }}</td>
<td>{{ frame.attempt }}</td>
<td>{% if frame.has_result %}<a href="/api/v1/jobs/{{ job.id }}/frames/{{ frame.frame }}/result">EXR</a>{% endif %}</td>
<td>{% if frame.attempt > 0 %}<a href="/api/v1/jobs/{{ job.id }}/frames/{{ frame.frame }}/log">log</a>{% endif %}</td>
<td class="error">{{ frame.failure }}</td>
</tr>
{% endfor %}
</table></div>
<p>{% if offset > 0 %}<a href="?offset={{ before }}">earlier frames</a> {% endif %}
{% if after < job.total %}<a href="?offset={{ after }}">later frames</a>{% endif %}</p>
"#
)]
pub(super) struct JobPage<'a> {
    pub(super) job: &'a JobRow,
    pub(super) frames: &'a [FrameRow],
    /// The first frame shown, and those of the neighbouring pages.
    pub(super) offset: u32,
    pub(super) before: u32,
    pub(super) after: u32,
}

/// What can be done with a job now.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% for action in actions %}<form method="post" action="/html/job/{{ job }}/{{ action }}"><button>{{ action }}</button></form> {% endfor %}"#
)]
pub(super) struct Buttons<'a> {
    pub(super) job: JobId,
    pub(super) actions: &'a [&'a str],
}

/// Where the key is entered.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h2>The farm's key</h2>
<p><code>netrender key hand-over</code>, on the master's machine, shows the line to enter here. This browser keeps it until you close it.</p>
{% if !error.is_empty() %}<p class="error">{{ error }}</p>{% endif %}
<form method="post" action="/login">
<p><input type="password" name="key" aria-label="Farm key" autocomplete="current-password" autofocus required></p>
<p><button>Enter</button></p>
</form>
"#
)]
pub(super) struct Login<'a> {
    pub(super) error: &'a str,
}

/// Something that went wrong.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="error">{{ message }}</p><p>{{ hint }}</p><p><a href="/">Back to the overview</a></p>"#
)]
pub(super) struct Failure<'a> {
    pub(super) message: &'a str,
    pub(super) hint: &'a str,
}
