//! As much of XML as `svn --xml` writes: elements, their attributes, and the text right behind an opening tag.

/// An opening tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
    text: &'a str,
}

/// Every opening tag, in order.
pub(super) fn tags(document: &str) -> impl Iterator<Item = Tag<'_>> {
    document.split('<').skip(1).filter_map(|part| {
        let (tag, text) = part.split_once('>')?;
        let tag = tag.trim_end_matches('/').trim_end();
        if tag.starts_with(['/', '?', '!']) {
            return None;
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        Some(Tag { name, attributes, text })
    })
}

impl Tag<'_> {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((key, behind)) = rest.split_once('=') {
            let quote = behind.chars().next()?;
            let (value, behind) = behind.get(1..)?.split_once(quote)?;
            if key.trim() == name {
                return Some(plain(value));
            }
            rest = behind;
        }
        None
    }

    /// The text behind it.
    pub(super) fn text(&self) -> String {
        plain(self.text)
    }
}

/// The text without its escapes.
fn plain(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or(("", part));
        let code = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
        let letter = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match name.strip_prefix("#x") {
                Some(digits) => code(digits, 16),
                None => name.strip_prefix('#').and_then(|digits| code(digits, 10)),
            },
        };
        plain.extend(letter);
        plain.push_str(rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_svn_writes_is_read() {
        let document = "<?xml version=\"1.0\"?>\n<lists>\n<list\n   path=\"svn://h/a&amp;b\">\n<entry\n   kind=\"file\">\n\
                        <name>x &lt;&#252;&#x41;&gt; 'y'.png</name>\n<commit\n   revision=\"12\">\n</commit></entry></list></lists>";
        let tags: Vec<_> = tags(document).collect();
        let names: Vec<_> = tags.iter().map(|tag| tag.name).collect();
        assert_eq!(names, ["lists", "list", "entry", "name", "commit"]);
        assert_eq!(tags[1].attribute("path").as_deref(), Some("svn://h/a&b"));
        assert_eq!(tags[3].text(), "x <üA> 'y'.png");
        assert_eq!(tags[4].attribute("revision").as_deref(), Some("12"));
        assert_eq!(tags[4].attribute("kind"), None);
    }
}
