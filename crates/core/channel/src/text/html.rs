//! HTML for mail.

use askama::Template;

use super::NoticeText;

#[derive(Template)]
#[template(path = "notice.html")]
struct Page<'a> {
    subject: String,
    words: &'a NoticeText,
}

impl NoticeText {
    /// The notice as an HTML page.
    ///
    /// # Panics
    /// Never: writing to a text cannot fail.
    pub fn html(&self) -> String {
        let page = Page { subject: self.subject(), words: self };
        page.render().expect("a template of texts can be written")
    }
}
