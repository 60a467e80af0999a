//! The rounds of the proof: every way to reach a server, with every manner of servers, proxies and broken handshakes,
//! until each way has printed its share.

use std::time::Duration;

use opcall::{HarnessBuilder, Profile};

use super::keys;
use super::library::{Extent, at, call_all, call_with_providers, show, stuck, watch};
use super::proxies::{Proxy, Service};
use super::search::{Printed, secret};
use super::servers::{Manner, SLOW};
use super::stage::{Clients, Door, Stage};
use crate::support::proof;
use crate::tls::authority;

const OF_TLS: Door = Door::Tls { http2: false, clients: Clients::Any };
const OF_HTTP2: Door = Door::Tls { http2: true, clients: Clients::Any };

/// What the short proof does with each way comes first.
const MANNERS: [(Manner, Extent); 17] = [
    (Manner::Answering, Extent::Few),
    (Manner::Repeating { status: 401, also_tokens: false }, Extent::Few),
    (Manner::Misleading, Extent::Few),
    (Manner::Leading, Extent::Few),
    (Manner::Answering, Extent::All),
    (Manner::Misleading, Extent::All),
    (Manner::Repeating { status: 401, also_tokens: true }, Extent::All),
    (Manner::Repeating { status: 403, also_tokens: false }, Extent::All),
    (Manner::Repeating { status: 302, also_tokens: true }, Extent::All),
    (Manner::Repeating { status: 500, also_tokens: true }, Extent::All),
    (Manner::Recovering, Extent::All),
    (Manner::Leading, Extent::All),
    (Manner::Circling, Extent::All),
    (Manner::Breaking, Extent::All),
    (Manner::Silent, Extent::All),
    (Manner::Slow, Extent::Few),
    (Manner::AskingToWait, Extent::All),
];

/// Makes a proxy, which is spoken to by a scheme.
type Through = (fn(Service) -> Proxy, &'static str);

/// A way to reach servers.
struct Route {
    /// What its figures are counted under.
    kind: &'static str,
    door: Door,
    proxy: Option<Through>,
}

const ROUTES: [Route; 10] = [
    Route { kind: "http", door: Door::Plain, proxy: None },
    Route { kind: "tls", door: OF_TLS, proxy: None },
    Route { kind: "http2", door: OF_HTTP2, proxy: None },
    Route { kind: "client certificate", door: certified(false), proxy: None },
    Route { kind: "client certificate http2", door: certified(true), proxy: None },
    Route { kind: "proxy", door: Door::Plain, proxy: Some((Proxy::http, "http")) },
    Route { kind: "tunnel", door: OF_TLS, proxy: Some((Proxy::http, "http")) },
    Route { kind: "tunnel http2", door: OF_HTTP2, proxy: Some((Proxy::http, "http")) },
    Route { kind: "tunnel client certificate", door: certified(true), proxy: Some((Proxy::http, "http")) },
    Route { kind: "socks", door: OF_TLS, proxy: Some((Proxy::socks, "socks5")) },
];

const fn certified(http2: bool) -> Door {
    Door::Tls { http2, clients: Clients::Known }
}

/// A harness that trusts the servers of these tests and shows them its certificate.
fn trusting(url: &str) -> HarnessBuilder {
    let client = keys::client();
    let led = at(url).root_certificates(&authority().pem).client_certificate(&client.chain, &client.key);
    led.connect_timeout(Duration::from_secs(5)).follow_redirects(3)
}

/// Servers of one way in all their manners.
struct Cast {
    route: &'static Route,
    proxy: Option<Proxy>,
    stages: Vec<(Stage, Manner, Extent)>,
}

impl Cast {
    fn of(route: &'static Route, manners: &[(Manner, Extent)]) -> Self {
        let stages = manners.iter();
        let stages = stages.map(|(manner, extent)| (Stage::open(route.door, *manner), *manner, *extent));
        Self { route, proxy: route.proxy.map(|(open, _)| open(Service::Passing)), stages: stages.collect() }
    }

    fn through(&self, builder: HarnessBuilder) -> HarnessBuilder {
        match (&self.proxy, &self.route.proxy) {
            (Some(proxy), Some((_, scheme))) => builder.proxy(proxy.url(scheme)),
            _ => builder,
        }
    }

    async fn play(&self, printed: &Printed, round: usize) {
        for (stage, manner, extent) in &self.stages {
            let builder = self.through(trusting(&stage.url()));
            let builder = match manner {
                Manner::Slow => builder.timeout(SLOW / 4),
                // What is not followed is told of.
                Manner::Repeating { status: 302, .. } => builder.follow_redirects(0),
                Manner::Leading if round % 2 == 1 => builder.follow_redirects(0),
                _ => builder,
            };
            call_all(printed, builder, *extent).await;
        }
    }

    /// Nothing was proven where nothing came.
    fn check(&self) {
        for (stage, manner, _) in &self.stages {
            assert!(stage.count() > 0, "{} {manner:?} was never called", self.route.kind);
        }
        let heard = |text: &str| self.stages.iter().any(|(stage, ..)| stage.heard(text));
        let kind = self.route.kind;
        assert!(heard("client_secret=cAnary"), "{kind}");
        assert!(heard("key=cAnary%2F%2B%3DzQ7w~x.key"), "{kind}");
        if self.stages.iter().any(|(.., extent)| *extent == Extent::All) {
            for text in ["cAnary/+=zQ7w~x.key", "Bearer cAnary", "Basic dXNlcjpjQW5hcn", "GenieKey cAnary"] {
                assert!(heard(text), "{kind}: {text} was sent");
            }
        }
        assert!(self.proxy.as_ref().is_none_or(|proxy| proxy.known() > 0), "{kind}");
    }
}

/// Connections on which no call is made: each handshake breaks off, or one side does not like the other.
async fn shake_hands(printed: &Printed, count: usize) {
    let doors = [
        Door::Half,
        Door::Foreign,
        Door::Tls { http2: false, clients: Clients::Strange },
        Door::Tls { http2: true, clients: Clients::Strange },
        Door::Closing,
        Door::Garbage,
        Door::Stalled,
    ];
    let proxy = Proxy::http(Service::Passing);
    for door in doors.into_iter().take(count) {
        let stage = Stage::open(door, Manner::Answering);
        let builder = || trusting(&stage.url()).connect_timeout(Duration::from_millis(100));
        call_all(printed, builder(), Extent::Few).await;
        call_all(printed, builder().proxy(proxy.url("http")), Extent::Few).await;
        assert_eq!(stage.count(), 0, "{door:?}");
    }
    // A server that wants a certificate, and is not shown one.
    let guarded = Stage::open(certified(false), Manner::Answering);
    call_all(printed, at(&guarded.url()).root_certificates(&authority().pem), Extent::Few).await;
    assert_eq!(guarded.count(), 0);
    call_all(printed, at("https://127.0.0.1:9"), Extent::Few).await;
}

/// Proxies that do not pass on what they are given, and repeat their own password.
async fn refuse(printed: &Printed, count: usize) {
    let (plain, sealed) =
        (Stage::open(Door::Plain, Manner::Answering), Stage::open(OF_TLS, Manner::Answering));
    let services = [
        Service::Repeating(407),
        Service::Repeating(403),
        Service::Repeating(200),
        Service::Repeating(302),
        Service::Repeating(401),
        Service::Repeating(500),
        Service::Closing,
        Service::Garbage,
        Service::Stalled,
    ];
    for service in services.into_iter().take(count) {
        let (http, socks) = (Proxy::http(service), Proxy::socks(service));
        for stage in [&plain, &sealed] {
            let builder = || trusting(&stage.url()).timeout(Duration::from_millis(200));
            let extent = if matches!(service, Service::Repeating(_)) { Extent::All } else { Extent::Few };
            call_all(printed, builder().proxy(http.url("http")), Extent::Few).await;
            if proof(0, 1) == 1 {
                call_all(printed, builder().proxy(http.url("http")), extent).await;
                call_all(printed, builder().proxy(http.url("http")).follow_redirects(0), Extent::Few).await;
            }
            call_all(printed, builder().proxy(socks.url("socks5h")), Extent::Few).await;
            // One that is spoken to by TLS, and speaks none.
            call_all(printed, builder().proxy(http.url("https")), Extent::Few).await;
        }
        assert!(http.known() > 0 && socks.known() > 0, "{service:?}");
    }
    assert_eq!((plain.count(), sealed.count()), (0, 0));
    for proxy in ["http://user:cAnary%2F%2B%3DzQ7w~x@127.0.0.1:9", "http://user:cAnary%2F%2B%3DzQ7w~x@"] {
        call_all(printed, at("http://api.example.invalid").allow_http().proxy(proxy), Extent::Few).await;
        call_all(printed, at("https://api.example.invalid").proxy(proxy), Extent::Few).await;
    }
}

/// What is wrong before anything is sent, and providers of credentials.
async fn spoil(printed: &Printed) {
    let good = Stage::open(Door::Plain, Manner::Answering);
    keys::give(printed, &good.url()).await;
    call_all(printed, at("http://api.example.invalid"), Extent::All).await;
    let spoiled = Profile::new().base_url(format!("https://user:{}@h.example", "cAnary%2F%2B%3DzQ7w~x"));
    call_all(printed, at(&good.url()).profile("silent", spoiled), Extent::All).await;
    call_all(printed, at(&good.url()).client_certificate(secret("chain"), secret("key")), Extent::Few).await;
    call_all(printed, at(&good.url()).root_certificates(secret("roots")), Extent::Few).await;
    call_with_providers(printed, &good.url()).await;
    show(printed, &stuck().await);
}

#[tokio::test]
async fn the_library_prints_no_secret() {
    let printed = Printed::with(&keys::secrets());
    let _guard = watch(&printed);
    let share = u64::try_from(proof(1, 4_500_000)).unwrap();
    for (index, route) in ROUTES.iter().enumerate() {
        printed.turn_to(route.kind);
        // In short the ways share the manners.
        let short = [MANNERS[0], MANNERS[1 + index % 3]];
        let cast = Cast::of(route, if proof(0, 1) == 1 { &MANNERS } else { &short });
        let mut round = 0;
        while round == 0 || printed.length_of(route.kind) < share {
            cast.play(&printed, round).await;
            round += 1;
        }
        cast.check();
    }
    printed.turn_to("handshake");
    shake_hands(&printed, proof(3, 7)).await;
    while printed.length_of("handshake") < share {
        shake_hands(&printed, 7).await;
    }
    printed.turn_to("refusing proxy");
    refuse(&printed, proof(2, 9)).await;
    while printed.length_of("refusing proxy") < share {
        refuse(&printed, 9).await;
    }
    printed.turn_to("spoiled");
    spoil(&printed).await;
    printed.assert_silent(u64::try_from(proof(300_000, 50_000_000)).unwrap());
    eprintln!("promise 9: library: {}, 0 secrets", printed.figures());
}
