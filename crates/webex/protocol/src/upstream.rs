//! The services of a Webex.

/// The services of one Webex that take its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Upstream {
    /// The REST API, `/v1/…`.
    Api,
    /// Identity, `/identity/…`: beside the API on the same host (SCIM), not below its `/v1`.
    Identity,
    /// Quality figures of meetings, `/@analytics/…`; a host of its own.
    Analytics,
    /// Call records, `/@analytics-calling/…`; a host of its own. It answers 451 where another region keeps an organisation's.
    AnalyticsCalling,
    /// Call records in Europe, `/@analytics-calling-eu/…`.
    AnalyticsCallingEu,
    /// Call records in India, `/@analytics-calling-in/…`.
    AnalyticsCallingIn,
    /// Call records in Australia, `/@analytics-calling-au/…`.
    AnalyticsCallingAu,
}

impl Upstream {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Api,
        Self::Identity,
        Self::Analytics,
        Self::AnalyticsCalling,
        Self::AnalyticsCallingEu,
        Self::AnalyticsCallingIn,
        Self::AnalyticsCallingAu,
    ];

    /// The first segment of its paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "v1",
            Self::Identity => "identity",
            Self::Analytics => "@analytics",
            Self::AnalyticsCalling => "@analytics-calling",
            Self::AnalyticsCallingEu => "@analytics-calling-eu",
            Self::AnalyticsCallingIn => "@analytics-calling-in",
            Self::AnalyticsCallingAu => "@analytics-calling-au",
        }
    }
}
