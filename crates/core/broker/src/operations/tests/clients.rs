//! Clients, with and without limits; a key as only a broker makes one.

use lanyard_credential::{Client, ClientId, ClientKey, ClientName, CredentialId, Generation, Granted};
use lanyard_protocol::OrgId;
use lanyard_time::SystemEntropy;

use super::Trips;
use crate::{AddClient, AddedClient, ChangeClient, Holding, Limit, ListClients, RemoveClient, ShowClient, ShownClient};
use lanyard_operation::{decode, encode};

fn name() -> ClientName {
    "monitor".parse().unwrap()
}

fn limited() -> Client {
    let at = "2026-01-01T00:00:00.123Z".parse().unwrap();
    Client {
        id: ClientId::random(&SystemEntropy),
        name: name(),
        capabilities: "proxy,read".parse().unwrap(),
        credentials: Granted::Only([CredentialId::random(&SystemEntropy)].into()),
        methods: Some("GET,POST".parse().unwrap()),
        paths: Some(vec!["/people/*".parse().unwrap(), "/a%2Cb/%2A/**".parse().unwrap()]),
        org: Some(OrgId::new("o")),
        expires_at: Some(at),
        created_at: at,
        uid: None,
    }
}

fn unlimited() -> Client {
    let (methods, paths, org, expires_at) = (None, None, None, None);
    Client { credentials: Granted::All, methods, paths, org, expires_at, uid: Some(1000), ..limited() }
}

fn shown(client: Client) -> ShownClient {
    let at = client.created_at;
    let holding = Holding {
        credential: "acme".parse().unwrap(),
        generation: Generation::new(4),
        last: at,
        until: None,
        replaced: true,
    };
    let credentials = vec!["acme".parse().unwrap()];
    ShownClient { client, credentials, last_used: Some(at), holds: vec![holding] }
}

pub(super) fn trips(tried: &mut Trips) {
    for client in [limited(), unlimited()] {
        let Client { capabilities, methods, org, expires_at, uid, .. } = client.clone();
        let (paths, credentials) = (client.paths.clone(), org.is_some().then(|| vec!["acme".parse().unwrap()]));
        let add = AddClient { name: name(), capabilities, credentials, methods, paths, org, expires_at, uid };
        let key = uid.is_none().then(|| ClientKey::random(client.id, &SystemEntropy));
        tried.trip(&add, &AddedClient { client: client.clone(), key });
        tried.trip(&ListClients, &vec![shown(client.clone())]);
        tried.trip(&ShowClient { name: name() }, &shown(client.clone()));
        let set = client.expires_at.is_some();
        let change = ChangeClient {
            name: name(),
            capabilities: set.then_some(client.capabilities),
            credentials: if set { Limit::Set(vec!["acme".parse().unwrap()]) } else { Limit::Lift },
            methods: client.methods.map_or(Limit::Keep, Limit::Set),
            paths: client.paths.clone().map_or(Limit::Lift, Limit::Set),
            org: client.org.clone().map_or(Limit::Keep, Limit::Set),
            expires_at: client.expires_at.map_or(Limit::Lift, Limit::Set),
        };
        tried.trip(&change, &shown(client.clone()));
        tried.trip(&RemoveClient { name: name() }, &shown(client));
    }
}

#[test]
fn a_key_travels_as_a_secret_does_and_arrives() {
    let key = ClientKey::random(ClientId::random(&SystemEntropy), &SystemEntropy);
    let text = key.expose_secret().to_owned();
    let bytes = encode(&AddedClient { client: limited(), key: Some(key) }).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains(&text[..12]), "nothing on the way looks like a key");
    let back: AddedClient = decode(&bytes).unwrap();
    assert_eq!(back.key.unwrap().expose_secret(), text);
}
