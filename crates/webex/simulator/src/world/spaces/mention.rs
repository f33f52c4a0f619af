//! A message in markdown: what it says, how it looks, and who is mentioned.
//!
//! A mention is `<@personEmail:address|Name>` or `<@personId:id|Name>`, with or without the name.

use pulldown_cmark::{CowStr, Event, Parser, TagEnd, html};
use uuid::Uuid;

/// Somebody who can be mentioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) account: Uuid,
    pub(crate) name: String,
    /// The id as Webex writes it.
    pub(crate) id: String,
}

/// A markdown text, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// Without markup, with names in place of mentions.
    pub(crate) text: String,
    /// With Webex's own elements for mentions. HTML in the markdown stays text.
    pub(crate) html: String,
    pub(crate) accounts: Vec<Uuid>,
}

/// Stand around a mention's place in the list while the markdown is read: an address may hold what markdown would take for markup.
const BEFORE: char = '\u{e000}';
const AFTER: char = '\u{e001}';

impl Mentions {
    /// Reads a text; `find` knows who an address or an id is. What names nobody stays as it was written.
    pub(crate) fn read(markdown: &str, find: impl Fn(&str) -> Option<Named>) -> Self {
        let (marked, found) = mark(markdown, find);
        let mut text = String::new();
        let mut events = Vec::new();
        for event in Parser::new(&marked) {
            match event {
                // Markup of HTML's is none of Webex's.
                Event::Text(part) | Event::Html(part) | Event::InlineHtml(part) => {
                    for piece in pieces(&part, &found) {
                        match piece {
                            Piece::Plain(part) => {
                                text.push_str(part);
                                events.push(Event::Text(CowStr::from(part.to_owned())));
                            }
                            Piece::Mention(mention) => {
                                text.push_str(&mention.name);
                                events.push(Event::InlineHtml(mention.element().into()));
                            }
                        }
                    }
                }
                Event::Code(part) => {
                    let plain: String = pieces(&part, &found).map(|piece| piece.name()).collect();
                    text.push_str(&plain);
                    events.push(Event::Code(plain.into()));
                }
                Event::SoftBreak | Event::HardBreak => {
                    text.push('\n');
                    events.push(event);
                }
                Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock) => {
                    if !text.ends_with('\n') {
                        text.push('\n');
                    }
                    events.push(event);
                }
                other => events.push(other),
            }
        }
        let mut page = String::new();
        html::push_html(&mut page, events.into_iter());
        let mut accounts = Vec::new();
        for mention in &found {
            if !accounts.contains(&mention.named.account) {
                accounts.push(mention.named.account);
            }
        }
        Self { text: text.trim_end_matches('\n').to_owned(), html: page.trim_end().to_owned(), accounts }
    }
}

/// Somebody who is mentioned, under the name that the text gives them.
struct Mention {
    named: Named,
    name: String,
}

impl Mention {
    fn element(&self) -> String {
        let (id, name) = (&self.named.id, escaped(&self.name));
        format!("<spark-mention data-object-type=\"person\" data-object-id=\"{id}\">{name}</spark-mention>")
    }
}

/// The markdown with a mark in place of each mention, and the mentions.
fn mark(markdown: &str, find: impl Fn(&str) -> Option<Named>) -> (String, Vec<Mention>) {
    let (mut marked, mut found) = (String::new(), Vec::new());
    let mut rest = markdown;
    while let Some(start) = rest.find("<@") {
        let (before, from) = rest.split_at(start);
        marked.push_str(before);
        let mention = from.find('>').and_then(|end| Some((whom(&from[2..end])?, end)));
        if let Some((named, name, end)) = mention.and_then(|((who, name), end)| Some((find(who)?, name, end))) {
            marked.extend([BEFORE.to_string(), found.len().to_string(), AFTER.to_string()]);
            let name = name.filter(|name| !name.is_empty()).unwrap_or(&named.name).to_owned();
            found.push(Mention { named, name });
            rest = &from[end + 1..];
        } else {
            marked.push_str("<@");
            rest = &from[2..];
        }
    }
    marked.push_str(rest);
    (marked, found)
}

enum Piece<'t> {
    Plain(&'t str),
    Mention(&'t Mention),
}

impl<'t> Piece<'t> {
    fn name(&self) -> &'t str {
        match self {
            Self::Plain(text) => text,
            Self::Mention(mention) => &mention.name,
        }
    }
}

/// A text cut at its marks.
fn pieces<'t>(text: &'t str, found: &'t [Mention]) -> impl Iterator<Item = Piece<'t>> {
    text.split_inclusive(AFTER).flat_map(move |part| {
        let mark = part.strip_suffix(AFTER).and_then(|part| part.rsplit_once(BEFORE));
        let mention = mark.and_then(|(before, index)| Some((before, found.get(index.parse::<usize>().ok()?)?)));
        match mention {
            Some((before, mention)) => [Some(Piece::Plain(before)), Some(Piece::Mention(mention))],
            None => [Some(Piece::Plain(part)), None],
        }
        .into_iter()
        .flatten()
        .filter(|piece| !piece.name().is_empty())
    })
}

/// The address or id in a mention, and the name that stands with it.
fn whom(mention: &str) -> Option<(&str, Option<&str>)> {
    let (kind, rest) = mention.split_once(':')?;
    if !matches!(kind, "personEmail" | "personId") {
        return None;
    }
    Some(rest.split_once('|').map_or((rest, None), |(who, name)| (who, Some(name))))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(who: &str) -> Option<Named> {
        let known = ["a@b.example", "a_b_c@b.example"].contains(&who);
        known.then(|| Named { account: Uuid::from_u128(1), name: "Ada".into(), id: "ID".into() })
    }

    #[test]
    fn mentions_become_names_and_everything_else_stays_text() {
        let read =
            Mentions::read("Hi <@personEmail:a@b.example> & <@personEmail:a@b.example|Boss>, not <@all> <b>", find);
        assert_eq!(read.text, "Hi Ada & Boss, not <@all> <b>");
        assert_eq!(read.accounts, [Uuid::from_u128(1)]);
        assert!(read.html.starts_with("<p>Hi <spark-mention data-object-type=\"person\" data-object-id=\"ID\">Ada<"));
        assert!(read.html.ends_with("not &lt;@all&gt; &lt;b&gt;</p>"), "{}", read.html);
        for odd in ["<@", "<@personEmail:nobody@b.example", "<@personEmail:x>", "<@>"] {
            assert_eq!(Mentions::read(odd, find).text, odd);
        }
    }

    #[test]
    fn markdown_becomes_html_and_plain_text() {
        for (markdown, html, text) in [
            ("**bold** and *not*", "<p><strong>bold</strong> and <em>not</em></p>", "bold and not"),
            ("[a](https://b.example)", "<p><a href=\"https://b.example\">a</a></p>", "a"),
            ("one\n\ntwo", "<p>one</p>\n<p>two</p>", "one\ntwo"),
            ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "a\nb"),
            ("`<b>`", "<p><code>&lt;b&gt;</code></p>", "<b>"),
            ("<i>x</i>", "<p>&lt;i&gt;x&lt;/i&gt;</p>", "<i>x</i>"),
            ("", "", ""),
        ] {
            let read = Mentions::read(markdown, find);
            assert_eq!((read.html.as_str(), read.text.as_str()), (html, text), "{markdown:?}");
        }
    }

    #[test]
    fn a_mention_is_found_inside_markup_and_its_address_is_none() {
        let read = Mentions::read("**<@personEmail:a_b_c@b.example>**, `<@personEmail:a@b.example>`", find);
        assert_eq!(read.text, "Ada, Ada");
        assert!(read.html.starts_with("<p><strong><spark-mention "), "{}", read.html);
        assert!(read.html.ends_with("<code>Ada</code></p>"), "{}", read.html);
    }
}
