//! Who is mentioned in a markdown text: `<@personEmail:address|Name>` or `<@personId:id|Name>`, the name left out at will.

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
    /// With names in place of mentions.
    pub(crate) text: String,
    /// Escaped, in one paragraph, with Webex's own elements for mentions.
    pub(crate) html: String,
    pub(crate) accounts: Vec<Uuid>,
}

impl Mentions {
    /// Reads a text; `find` knows who an address or an id is. What names nobody stays as it was written.
    pub(crate) fn read(markdown: &str, find: impl Fn(&str) -> Option<Named>) -> Self {
        let mut read = Self { text: String::new(), html: "<p>".to_owned(), accounts: Vec::new() };
        let mut rest = markdown;
        while let Some(start) = rest.find("<@") {
            let (before, from) = rest.split_at(start);
            read.plain(before);
            let mention = from.find('>').and_then(|end| Some((whom(&from[2..end])?, end)));
            let found = mention.and_then(|((who, name), end)| Some((find(who)?, name, end)));
            if let Some((named, name, end)) = found {
                read.mention(&named, name);
                rest = &from[end + 1..];
            } else {
                read.plain("<@");
                rest = &from[2..];
            }
        }
        read.plain(rest);
        read.html.push_str("</p>");
        read
    }

    fn plain(&mut self, text: &str) {
        self.text.push_str(text);
        self.html.push_str(&escaped(text));
    }

    fn mention(&mut self, named: &Named, name: Option<&str>) {
        let name = name.filter(|name| !name.is_empty()).unwrap_or(&named.name);
        self.text.push_str(name);
        for part in [
            "<spark-mention data-object-type=\"person\" data-object-id=\"",
            &named.id,
            "\">",
            &escaped(name),
            "</spark-mention>",
        ] {
            self.html.push_str(part);
        }
        if !self.accounts.contains(&named.account) {
            self.accounts.push(named.account);
        }
    }
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

    #[test]
    fn mentions_become_names_and_everything_else_stays_text() {
        let find = |who: &str| {
            (who == "a@b.example").then(|| Named { account: Uuid::from_u128(1), name: "Ada".into(), id: "ID".into() })
        };
        let read =
            Mentions::read("Hi <@personEmail:a@b.example> & <@personEmail:a@b.example|Boss>, not <@all> <b>", find);
        assert_eq!(read.text, "Hi Ada & Boss, not <@all> <b>");
        assert_eq!(read.accounts, [Uuid::from_u128(1)]);
        assert!(read.html.starts_with("<p>Hi <spark-mention data-object-type=\"person\" data-object-id=\"ID\">Ada<"));
        assert!(read.html.ends_with("not &lt;@all&gt; &lt;b&gt;</p>"));
        for odd in ["<@", "<@personEmail:nobody@b.example", "<@personEmail:x>", "<@>"] {
            assert_eq!(Mentions::read(odd, find).text, odd);
        }
    }
}
