//! A list, page by page.

use lanyard_client::{CallError, CallOptions, Pages};
use lanyard_protocol::{Environment, ItemTrouble, Method, Organization, PagingError, Request};
use lanyard_secret::AccessToken;

use crate::server::{Server, Step, answer};
use crate::world::World;

fn page(items: &str, next: Option<&str>) -> Step {
    let link = next.map(|next| ("link", next));
    answer("200 OK", link.as_slice(), &format!("{{\"items\":[{items}]}}"))
}

fn item(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"displayName\":\"\"}}")
}

fn walk<'a>(world: &'a World, environment: &'a Environment) -> Pages<'a, Organization> {
    let mut request = Request::new(Method::GET, environment.resource(&["organizations"]));
    request.headers.insert("timezone", "UTC".parse().unwrap());
    world.transport.pages(environment, &AccessToken::new("canary"), request, &CallOptions::default())
}

#[tokio::test]
async fn pages_are_followed_through_every_spelling_and_through_empty_ones() {
    let webex = Server::playing([
        page(&item("a"), Some("<{base}/organizations?cursor=x,y>; rel=\"next\"")),
        page("", Some("<{base}/organizations?cursor=0>; rel=prev, </v1/organizations?cursor=2>;REL=\"last NEXT\"")),
        page("7", Some("<?cursor=3>; rel=next")),
        page(&[item("b"), item("c")].join(","), Some("<{base}/organizations>; rel=\"first\"")),
    ])
    .await;
    let environment = webex.environment();
    let walking = tokio::spawn(async move { walk(&World::new(), &environment).all().await });
    let all = walking.await.unwrap().unwrap();
    assert_eq!(all.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((all.problems.len(), all.problems[0].index), (1, 1));
    assert_eq!(all.problems[0].trouble, ItemTrouble::Unreadable);
    let path = "GET /v1/organizations";
    assert_eq!(webex.lines(), ["", "?cursor=x,y", "?cursor=2", "?cursor=3"].map(|query| format!("{path}{query}")));
    assert!(webex.header("authorization").iter().all(|value| value.as_deref() == Some("Bearer canary")));
    assert!(webex.header("timezone").iter().all(|value| value.as_deref() == Some("UTC")));
}

#[tokio::test]
async fn a_page_elsewhere_is_not_asked_for() {
    let elsewhere = Server::playing([page(&item("b"), None)]).await;
    let link = format!("<{}/organizations?canary>; rel=next", elsewhere.environment().id());
    let webex = Server::playing([page(&item("a"), Some(&link))]).await;
    let (world, environment) = (World::new(), webex.environment());
    let mut pages = walk(&world, &environment);
    let error = pages.next_page().await.unwrap_err();
    assert!(matches!(error, CallError::Paging(PagingError::ForeignOrigin(..), _)), "{error}");
    assert!(error.to_string().contains("which does not belong to the credential's Webex"), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(pages.next_page().await.unwrap().is_none());
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_circle_is_an_error_whether_short_or_long() {
    let to = |cursor: &str| format!("<{{base}}/organizations{cursor}>; rel=next");
    for circle in [vec![to("")], vec![to("?c=1"), to("?c=1")], vec![to("?c=1"), to("?c=2"), to("?c=1")]] {
        let webex = Server::playing(circle.iter().map(|link| page(&item("a"), Some(link)))).await;
        let (world, environment) = (World::new(), webex.environment());
        let error = walk(&world, &environment).all().await.unwrap_err();
        assert!(matches!(error, CallError::Paging(PagingError::Circle(..), _)), "{error}");
        assert_eq!(webex.seen().len(), circle.len());
    }
}

#[tokio::test]
async fn a_list_without_end_ends() {
    let links = (1..9).map(|cursor| page("", Some(&format!("<{{base}}/organizations?c={cursor}>; rel=next"))));
    let webex = Server::playing(links).await;
    let (world, environment) = (World::new(), webex.environment());
    let error = walk(&world, &environment).at_most(3).all().await.unwrap_err();
    assert!(matches!(error, CallError::Paging(PagingError::TooMany(_, 3), _)), "{error}");
    assert_eq!(webex.seen().len(), 3);
}

#[tokio::test]
async fn a_list_that_repeats_itself_is_given_up_soon() {
    for items in [String::new(), item("a")] {
        let pages =
            (1..200).map(|cursor| page(&items, Some(&format!("<{{base}}/organizations?c={cursor}>; rel=next"))));
        let webex = Server::playing(pages).await;
        let (world, environment) = (World::new(), webex.environment());
        let error = walk(&world, &environment).all().await.unwrap_err();
        assert!(matches!(error, CallError::Paging(PagingError::NothingNew(..), _)), "{error}");
        assert!(webex.seen().len() < 60, "{}", webex.seen().len());
    }
}

#[tokio::test]
async fn a_list_may_end_with_an_answer_without_a_body() {
    for last in
        [answer("204 No Content", &[], ""), answer("200 OK", &[], ""), answer("200 OK", &[], "{\"items\":null}")]
    {
        let webex = Server::playing([page(&item("a"), Some("<{base}/organizations?c=1>; rel=next")), last]).await;
        let (world, environment) = (World::new(), webex.environment());
        assert_eq!(walk(&world, &environment).all().await.unwrap().items.len(), 1);
        assert!(webex.header("accept-encoding").iter().all(Option::is_some), "lists are asked for compressed");
    }
}

#[tokio::test]
async fn a_list_of_as_many_pages_as_allowed_is_whole() {
    let webex =
        Server::playing([page(&item("a"), Some("<{base}/organizations?c=1>; rel=next")), page(&item("b"), None)]).await;
    let (world, environment) = (World::new(), webex.environment());
    assert_eq!(walk(&world, &environment).at_most(2).all().await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_limit_in_the_middle_is_waited_for_and_a_failed_page_can_be_asked_for_again() {
    let webex = Server::playing([
        page(&item("a"), Some("<{base}/organizations?c=1>; rel=next")),
        answer("429 Too Many Requests", &[("retry-after", "3")], "<html>"),
        answer("500 Internal Server Error", &[], ""),
        page(&item("b"), None),
    ])
    .await;
    let (world, environment) = (World::new(), webex.environment());
    let mut pages = walk(&world, &environment);
    assert_eq!(pages.next_page().await.unwrap().unwrap().items.len(), 1);
    let error = pages.next_page().await.unwrap_err();
    assert!(matches!(error, CallError::Resource(_)), "{error}");
    assert_eq!(pages.next_page().await.unwrap().unwrap().items[0].id.as_str(), "b");
    assert!(pages.next_page().await.unwrap().is_none());
    assert_eq!((webex.seen().len(), world.waits()), (4, vec![3]));
}

#[tokio::test]
async fn a_list_may_stand_under_another_key() {
    let webex = Server::playing([answer("200 OK", &[], &format!("{{\"phoneNumbers\":[{}]}}", item("a")))]).await;
    let (world, environment) = (World::new(), webex.environment());
    assert_eq!(walk(&world, &environment).under("phoneNumbers").all().await.unwrap().items.len(), 1);
}
