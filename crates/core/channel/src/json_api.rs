//! JSON in the form of a template.

use crate::http_post::Post;
use crate::notice::Notice;
use crate::target::{JsonTarget, TargetError};

/// The request for a notice.
pub(crate) fn post<'a>(target: &'a JsonTarget, notice: &Notice) -> Result<Post<'a>, TargetError> {
    Ok(Post {
        receiver: target.url.host(),
        address: &target.url,
        allow_private: target.allow_private,
        url: target.url.expose_secret().clone(),
        headers: target.header_map()?,
        media_type: "application/json",
        body: target.template.fill(notice).to_string().into_bytes(),
    })
}
