//! Which of an operation's security alternatives a call uses, and where their secrets go. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::error::AuthError;
use crate::operation::{Location, SchemeKind, SecuritySchemeDef, ServiceDef};
use crate::profile::{Credentials, Setting, variable_for, variables_for};
use crate::request::{Place, Placement};

/// Where a scheme's secret comes from.
pub(crate) enum Source {
    /// The caller has it.
    Fixed(SecretString),
    /// The token endpoint gives it for the client's ID and secret.
    Token,
    /// The connection itself carries it: a client certificate.
    Connection,
}

/// How the credentials serve a scheme; `None` where they do not.
pub(crate) fn source(
    credentials: &Credentials,
    scheme: &SecuritySchemeDef,
    certificate: bool,
) -> Option<Source> {
    if let Some(secret) = credentials.of_scheme(&scheme.name) {
        return Some(Source::Fixed(secret.clone()));
    }
    let token = || credentials.access_token.clone().map(Source::Fixed);
    match &scheme.kind {
        SchemeKind::ApiKey { .. } => credentials.api_key.clone().map(Source::Fixed),
        SchemeKind::Http { scheme } if scheme == "basic" => credentials.basic.as_ref().map(basic_secret),
        SchemeKind::OAuth2(flow) => {
            let has_client = credentials.client.is_some() && flow.token_url.is_some();
            token().or_else(|| has_client.then_some(Source::Token))
        }
        SchemeKind::MutualTls => certificate.then_some(Source::Connection),
        SchemeKind::Http { .. } | SchemeKind::OpenIdConnect { .. } | SchemeKind::Other { .. } => token(),
    }
}

/// Whether the credentials serve a scheme.
pub(crate) fn serves(credentials: &Credentials, scheme: &SecuritySchemeDef, certificate: bool) -> bool {
    source(credentials, scheme, certificate).is_some()
}

fn basic_secret((username, password): &(String, SecretString)) -> Source {
    Source::Fixed(basic_credentials(username, password))
}

/// `user-id:password` in base64 (RFC 7617 §2).
pub(crate) fn basic_credentials(username: &str, password: &SecretString) -> SecretString {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
    BASE64.encode(pair.as_bytes()).into()
}

/// The place of a scheme's secret in a request; `None` for schemes that put nothing into it.
pub(crate) fn place(definition: &ServiceDef, scheme: &SecuritySchemeDef) -> Option<Placement> {
    let place = match &scheme.kind {
        SchemeKind::ApiKey { location: Location::Query, name } => Place::Query { name: name.clone() },
        SchemeKind::ApiKey { location: Location::Cookie, name } => Place::Cookie { name: name.clone() },
        SchemeKind::ApiKey { name, .. } => {
            Place::Header { name: name.to_ascii_lowercase(), prefix: String::new() }
        }
        SchemeKind::Http { scheme } => authorization(&capitalised(scheme)),
        SchemeKind::OAuth2(_) | SchemeKind::OpenIdConnect { .. } | SchemeKind::Other { .. } => {
            authorization("Bearer")
        }
        SchemeKind::MutualTls => return None,
    };
    let settings = match &scheme.kind {
        SchemeKind::ApiKey { .. } => &[Setting::ApiKey][..],
        SchemeKind::Http { scheme } if scheme == "basic" => &[Setting::Username, Setting::Password],
        _ => &[Setting::AccessToken],
    };
    let variables = settings.iter().map(|key| variable_for(definition, *key)).collect();
    Some(Placement { scheme: scheme.name.clone(), place, variables })
}

fn authorization(scheme: &str) -> Place {
    Place::Header { name: "authorization".to_owned(), prefix: format!("{scheme} ") }
}

/// Scheme names are case-insensitive (RFC 9110 §11.1); this is how they are usually written.
fn capitalised(scheme: &str) -> String {
    let mut letters = scheme.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Chooses among an operation's alternatives (any one of them lets a call in, all schemes of it are needed): the
/// first that asks for something and is served, else an empty one. `None` where no alternative is served.
pub(crate) fn plan(
    definition: &ServiceDef,
    alternatives: &[Vec<String>],
    serves: impl Fn(&SecuritySchemeDef) -> bool,
) -> Option<Vec<SecuritySchemeDef>> {
    if alternatives.is_empty() {
        return Some(Vec::new());
    }
    let resolved = alternatives.iter().filter_map(|names| schemes_of(definition, names));
    let served = |schemes: &Vec<SecuritySchemeDef>| schemes.iter().all(&serves);
    let mut fitting: Vec<_> = resolved.filter(served).collect();
    let first = fitting.iter().position(|schemes| !schemes.is_empty()).unwrap_or(0);
    (!fitting.is_empty()).then(|| fitting.swap_remove(first))
}

fn schemes_of(definition: &ServiceDef, names: &[String]) -> Option<Vec<SecuritySchemeDef>> {
    let find =
        |name: &String| definition.security_schemes.iter().find(|scheme| scheme.name == *name).cloned();
    names.iter().map(find).collect()
}

/// No credentials serve any alternative: names the variables that would.
pub(crate) fn missing(definition: &ServiceDef, alternatives: &[Vec<String>]) -> AuthError {
    let mut ways: Vec<String> = Vec::new();
    for schemes in alternatives.iter().filter_map(|names| schemes_of(definition, names)) {
        let needs: Vec<_> = schemes.iter().map(|scheme| variables_of(definition, &scheme.kind)).collect();
        let way = needs.join(" and ");
        if !way.is_empty() && !ways.contains(&way) {
            ways.push(way);
        }
    }
    let hint = if ways.is_empty() {
        "give the profile credentials for the operation's security schemes.".to_owned()
    } else {
        format!("set {}; each may also be given as a file by its name with _FILE.", ways.join(", or "))
    };
    AuthError {
        service: definition.name.clone(),
        problem: format!("no credentials for {}; nothing was sent", definition.name),
        hint: Some(hint),
        status: None,
        trace_id: None,
    }
}

fn variables_of(definition: &ServiceDef, kind: &SchemeKind) -> String {
    let named = |key| variables_for(definition, key).join(" or ");
    let both = |one, two| {
        let names = [named(one), named(two)];
        if names.iter().any(String::is_empty) { String::new() } else { names.join(" and ") }
    };
    let ways: Vec<String> = match kind {
        SchemeKind::ApiKey { .. } => vec![named(Setting::ApiKey)],
        SchemeKind::Http { scheme } if scheme == "basic" => vec![both(Setting::Username, Setting::Password)],
        SchemeKind::OAuth2(flow) if flow.token_url.is_some() => {
            vec![both(Setting::ClientId, Setting::ClientSecret), named(Setting::AccessToken)]
        }
        SchemeKind::MutualTls => vec!["a client certificate".to_owned()],
        _ => vec![named(Setting::AccessToken)],
    };
    ways.into_iter().filter(|way| !way.is_empty()).collect::<Vec<_>>().join(", or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::OAuth2Def;

    fn scheme(name: &str, kind: SchemeKind) -> SecuritySchemeDef {
        SecuritySchemeDef { name: name.to_owned(), kind }
    }

    fn service() -> ServiceDef {
        let flow = OAuth2Def { token_url: Some("/token".to_owned()), ..OAuth2Def::default() };
        let key = |location, name: &str| SchemeKind::ApiKey { location, name: name.to_owned() };
        let http = |scheme: &str| SchemeKind::Http { scheme: scheme.to_owned() };
        ServiceDef {
            name: "many".to_owned(),
            security_schemes: vec![
                scheme("flow", SchemeKind::OAuth2(flow)),
                scheme("key", key(Location::Header, "X-Key")),
                scheme("app", key(Location::Query, "app")),
                scheme("jar", key(Location::Cookie, "jar")),
                scheme("basic", http("basic")),
                scheme("bearer", http("bearer")),
                scheme("hoba", http("hoba")),
            ],
            ..ServiceDef::default()
        }
    }

    fn alternatives(names: &[&[&str]]) -> Vec<Vec<String>> {
        names.iter().map(|one| one.iter().map(|&name| name.to_owned()).collect()).collect()
    }

    fn chosen(credentials: &Credentials, names: &[&[&str]]) -> Option<Vec<String>> {
        let serves = |scheme: &SecuritySchemeDef| source(credentials, scheme, false).is_some();
        let plan = plan(&service(), &alternatives(names), serves)?;
        Some(plan.into_iter().map(|scheme| scheme.name).collect())
    }

    #[test]
    fn the_first_alternative_that_is_served_wins() {
        let key = Credentials::new().api_key("k");
        assert_eq!(chosen(&key, &[&["flow"], &["key"]]), Some(vec!["key".to_owned()]));
        assert_eq!(chosen(&key, &[&["flow", "key"]]), None);
        assert_eq!(chosen(&key, &[&["key", "app"]]), Some(vec!["key".to_owned(), "app".to_owned()]));
        assert_eq!(chosen(&key, &[&["unheard-of"], &["key"]]), Some(vec!["key".to_owned()]));
        let two = key.clone().client("id", "secret");
        assert_eq!(chosen(&two, &[&["flow"], &["key"]]), Some(vec!["flow".to_owned()]));
    }

    #[test]
    fn none_will_do_where_the_document_says_so() {
        assert_eq!(chosen(&Credentials::new(), &[]), Some(Vec::new()));
        assert_eq!(chosen(&Credentials::new(), &[&["key"], &[]]), Some(Vec::new()));
        assert_eq!(chosen(&Credentials::new().api_key("k"), &[&[], &["key"]]), Some(vec!["key".to_owned()]));
        assert_eq!(chosen(&Credentials::new(), &[&["key"]]), None);
    }

    #[test]
    fn every_kind_has_its_place() {
        let places: Vec<_> = service()
            .security_schemes
            .iter()
            .filter_map(|one| place(&service(), one))
            .map(|one| one.place)
            .collect();
        let header =
            |name: &str, prefix: &str| Place::Header { name: name.to_owned(), prefix: prefix.to_owned() };
        assert_eq!(
            places,
            [
                header("authorization", "Bearer "),
                header("x-key", ""),
                Place::Query { name: "app".to_owned() },
                Place::Cookie { name: "jar".to_owned() },
                header("authorization", "Basic "),
                header("authorization", "Bearer "),
                header("authorization", "Hoba "),
            ]
        );
    }

    #[test]
    fn a_token_serves_bearer_schemes_and_spares_the_token_request() {
        let credentials = Credentials::new().client("id", "secret").access_token("t");
        for name in ["flow", "bearer", "hoba"] {
            let definition = service();
            let scheme = definition.security_schemes.iter().find(|scheme| scheme.name == name);
            assert!(matches!(
                scheme.and_then(|scheme| source(&credentials, scheme, false)),
                Some(Source::Fixed(_))
            ));
        }
    }

    #[test]
    fn basic_is_written_as_the_rfc_writes_it() {
        let secret = basic_credentials("Aladdin", &"open sesame".into());
        assert_eq!(secret.expose_secret(), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn missing_credentials_name_the_variables() {
        let error = missing(&service(), &alternatives(&[&["flow"], &["key"], &["basic", "app"]]));
        assert_eq!(error.problem, "no credentials for many; nothing was sent");
        assert_eq!(
            error.hint.as_deref(),
            Some(
                "set MANY_CLIENT_ID and MANY_CLIENT_SECRET, or MANY_ACCESS_TOKEN, or MANY_API_KEY, \
                 or MANY_USERNAME and MANY_PASSWORD and MANY_API_KEY; \
                 each may also be given as a file by its name with _FILE."
            )
        );
    }
}
