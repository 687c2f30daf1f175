//! The monitor's pages as templates: the frame that stands before any script runs. Everything that comes from outside is escaped.

use askama::Template;

/// What every page has around it.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="dark light">
<title>{{ title }} · {{ master }} · netrender</title>
<link rel="icon" href="{{ assets }}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{{ assets }}/style.css">
{% if !page.is_empty() %}
<script type="module" src="{{ assets }}/{{ page }}.js"></script>
{% for name in scripts %}<link rel="modulepreload" href="{{ assets }}/{{ name }}">
{% endfor %}
{% endif %}
</head>
<body data-page="{{ page }}" data-subject="{{ subject }}" data-locked="{{ is_locked }}" data-role="{{ role }}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/"><img src="{{ assets }}/icon.svg" alt="" width="28" height="28"><span><b>netrender</b> <small>{{ master }}</small></span></a>
{% if !page.is_empty() %}
<nav aria-label="Pages">
{% for place in places %}
<a href="{{ place.address }}"{% if place.is(page) %} aria-current="page"{% endif %}><svg viewBox="0 0 24 24" aria-hidden="true"><path d="{{ place.sign }}"/></svg><span>{{ place.name }}</span></a>
{% endfor %}
</nav>
<p id="live" role="status" data-state="starting"><span>connecting</span></p>
{% endif %}
</header>
{% if !page.is_empty() && !role.is_empty() && role != "admin" %}<p class="held" role="note"><b>Read only</b>: a key to {{ role }} was entered here, and these pages change something only with the farm's own.</p>{% endif %}
<main id="main" tabindex="-1">{{ body|safe }}</main>
<div id="notes" role="status" aria-live="polite"></div>
</body>
</html>
"##
)]
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) master: &'a str,
    /// Where its assets are.
    pub(super) assets: &'a str,
    /// Which entry of the navigation it is, and which script fills it; empty: none.
    pub(super) page: &'a str,
    /// What that script needs.
    pub(super) scripts: &'a [&'a str],
    /// What it is about, such as the id of a job.
    pub(super) subject: &'a str,
    /// A page of our own making, escaped already.
    pub(super) body: &'a str,
    /// The navigation.
    pub(super) places: &'a [Place],
    /// Whether there is a key, so that a browser can forget it.
    pub(super) is_locked: bool,
    /// What the key allows that was entered; empty: none was.
    pub(super) role: &'a str,
}

/// An entry of the navigation.
pub(super) struct Place {
    /// Which page it is.
    pub(super) page: &'static str,
    pub(super) address: &'static str,
    pub(super) name: &'static str,
    /// The outline of its sign, in 24 by 24.
    pub(super) sign: &'static str,
}

/// The navigation.
pub(super) const PLACES: [Place; 5] = [
    Place {
        page: "overview",
        address: "/",
        name: "Overview",
        sign: "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-3H4z",
    },
    Place {
        page: "jobs",
        address: "/jobs",
        name: "Jobs",
        sign: "M4 6h16M4 12h16M4 18h10",
    },
    Place {
        page: "slaves",
        address: "/slaves",
        name: "Slaves",
        sign: "M4 5h16v6H4zM4 14h16v6H4zM8 8h.01M8 17h.01",
    },
    Place {
        page: "rules",
        address: "/rules",
        name: "Rules",
        sign: "M12 4v16M6 20h12M5 7h14M5 7l-2 6h4zM19 7l-2 6h4z",
    },
    Place {
        page: "settings",
        address: "/settings",
        name: "Settings",
        sign: "M4 7h9M19 7h1M4 17h1M11 17h9M13 4v6h6V4zM5 14v6h6v-6z",
    },
];

impl Place {
    /// A job's page belongs to the jobs.
    fn is(&self, page: &str) -> bool {
        self.page == page || (self.page == "jobs" && page == "job")
    }
}

/// A page that a script fills.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<noscript><p class="empty">The monitor needs JavaScript. Without it, <code>netrender jobs</code> and <code>netrender slaves</code> tell the same.</p></noscript>
<p class="loading" role="status">Asking the master …</p>
<script type="application/json" id="known">{{ known|safe }}</script>
"#
)]
pub(super) struct Filled<'a> {
    /// What the script would ask for first, as JSON in which no markup can be.
    pub(super) known: &'a str,
}

/// Where the key is entered.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section class="door card" aria-labelledby="door">
<h1 id="door">The farm's key</h1>
<p><code>netrender key hand-over</code>, on the master's machine, shows the line to enter here; with one to submit or to render the pages only show. This browser keeps it until you close it.</p>
{% if !error.is_empty() %}<p class="error" role="alert">{{ error }}</p>{% endif %}
<form method="post" action="/login">
<input type="password" name="key" aria-label="Farm key" autocomplete="current-password" placeholder="the line, or the key" autofocus required>
<button class="main">Enter</button>
</form>
</section>
"#
)]
pub(super) struct Login<'a> {
    pub(super) error: &'a str,
}

/// Something that went wrong.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section class="card"><h1>That did not work</h1><p class="error">{{ message }}</p><p>{{ hint }}</p><p><a href="/">Back to the overview</a></p></section>"#
)]
pub(super) struct Failure<'a> {
    pub(super) message: &'a str,
    pub(super) hint: &'a str,
}
