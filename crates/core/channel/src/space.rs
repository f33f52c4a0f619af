//! Messages in a Webex space.

use std::borrow::Cow;

use http::Method;
use lanyard_client::{ApiClient, ApiError, CallError, CallOptions, SendError, TokenSource, Transport};
use lanyard_protocol::{Environment, Request, visible};
use lanyard_secret::SecretBytes;
use serde_json::json;

use crate::error::DeliveryError;
use crate::notice::Notice;
use crate::target::SpaceTarget;
use crate::text::NoticeText;

/// Writes the message, once.
pub(crate) async fn write<S: TokenSource>(
    transport: &Transport,
    tokens: S,
    target: &SpaceTarget,
    notice: &Notice,
    receiver: String,
) -> Result<(), DeliveryError> {
    let body = json!({ "roomId": target.room.as_str(), "markdown": NoticeText::of(notice).markdown() });
    let request = |environment: &Environment| {
        let url = environment.resource(&["messages"]);
        let body = SecretBytes::new(body.to_string().into_bytes());
        Request::new(Method::POST, url).body("application/json", body)
    };
    let client = ApiClient::new(transport, tokens);
    client.change(request, &CallOptions::once()).await.map_err(|error| judge(receiver, &error))
}

fn judge<E: std::fmt::Display>(receiver: String, error: &ApiError<E>) -> DeliveryError {
    let later = |receiver, reason: Cow<'static, str>| DeliveryError::Later { receiver, reason, retry_after: None };
    let call = match error {
        ApiError::NoToken(error) => {
            return DeliveryError::NoToken { reason: visible(&error.to_string()).into_owned() };
        }
        ApiError::Call(call) => call,
    };
    match call {
        CallError::Send(SendError::NotSent(..)) => {
            DeliveryError::Unreachable { receiver, reason: "the connection failed".into() }
        }
        CallError::Send(SendError::Unanswered(..) | SendError::TooLong(..)) => {
            later(receiver, "it gave no whole answer".into())
        }
        CallError::Send(SendError::ForeignOrigin(_) | SendError::Setup(_)) | CallError::Paging(..) => {
            DeliveryError::Refused { receiver, reason: "the message cannot be sent".into() }
        }
        CallError::Limited(wait) => {
            let reason = "it asked to wait before the next call".into();
            DeliveryError::Later { receiver, reason, retry_after: Some(*wait) }
        }
        CallError::Resource(resource) => match resource.status() {
            Some(status) => {
                let reason = format!("it answered with {status}").into();
                let is_temporary = matches!(status.as_u16(), 408 | 423 | 429);
                if status.is_client_error() && !is_temporary {
                    DeliveryError::Refused { receiver, reason }
                } else {
                    DeliveryError::Later { receiver, reason, retry_after: call.retry_after() }
                }
            }
            None => later(receiver, "it gave no valid answer".into()),
        },
    }
}
