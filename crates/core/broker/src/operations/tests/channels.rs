//! A value of each call about channels and events.

use std::time::Duration;

use lanyard_channel::{Notice, NoticeData, NoticeType, Rules, Severity, Target, WebhookSecret, WebhookTarget};
use lanyard_time::SystemEntropy;

use super::Trips;
use crate::*;

pub(super) fn trips(tried: &mut Trips) {
    let name: ChannelName = "ops".parse().unwrap();
    let rules =
        Rules { types: vec!["credential.*".parse().unwrap()], severity: Some(Severity::Warning), ..Rules::default() };
    let view = ChannelView {
        name: "ops".to_owned(),
        kind: "webhook".to_owned(),
        target: "webhook hooks.example".to_owned(),
        credential: None,
        in_file: false,
        state: "failing".to_owned(),
        types: vec!["credential.*".to_owned()],
        severity: Some("warning".to_owned()),
        kinds: Vec::new(),
        labels: Vec::new(),
        heartbeat_seconds: Some(3600),
        delivered_at: None,
        failing_since: Some(jiff::Timestamp::UNIX_EPOCH),
        failures: 3,
        reason: Some("hooks.example took longer than 10 s".to_owned()),
    };
    let url = "https://hooks.example/path".parse().unwrap();
    let target = WebhookTarget { url, secret: WebhookSecret::random(&SystemEntropy), allow_private: true };
    let target = Target::Webhook(target);
    let heartbeat = Some(Duration::from_hours(1));
    tried.trip(&AddChannel { name: name.clone(), target, rules, heartbeat, test: true }, &view);
    tried.trip(&ListChannels {}, &vec![view.clone()]);
    tried.trip(&ShowChannel { name: name.clone() }, &view);
    tried.trip(&TestChannel { name: name.clone() }, &());
    tried.trip(&PauseChannel { name: name.clone(), pause: true }, &view);
    tried.trip(&RemoveChannel { name }, &());
    let notice = Notice::new(
        "7-abc".parse().unwrap(),
        "urn:lanyard:home:a",
        NoticeType::CREDENTIAL_EXPIRING,
        jiff::Timestamp::UNIX_EPOCH,
        NoticeData::new("acme expires.", Severity::Warning),
    );
    let list = ListEvents { after: Some(7), since: Some(jiff::Timestamp::UNIX_EPOCH), limit: Some(9) };
    tried.trip(&list, &EventPage { events: vec![notice], next: 8 });
}
