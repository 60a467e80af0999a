//! Profiles from environment variables: which variable holds what, and secrets that stand in files.

use std::fs;

use super::{Credentials, Profile, ServerVariable, Wish};
use crate::error::{ConfigError, Result};
use crate::operation::ServiceDef;

/// What a variable may hold: the keys of `x-environment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    BaseUrl,
    Server,
    ServerVariables,
    Region,
    TokenUrl,
    ClientId,
    ClientSecret,
    Member,
    AccessToken,
    ApiKey,
    Username,
    Password,
}

impl Setting {
    const ALL: [Self; 12] = [
        Self::BaseUrl,
        Self::Server,
        Self::ServerVariables,
        Self::Region,
        Self::TokenUrl,
        Self::ClientId,
        Self::ClientSecret,
        Self::Member,
        Self::AccessToken,
        Self::ApiKey,
        Self::Username,
        Self::Password,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::BaseUrl => "base_url",
            Self::Server => "server",
            Self::ServerVariables => "server_variables",
            Self::Region => "region",
            Self::TokenUrl => "token_url",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::Member => "member",
            Self::AccessToken => "access_token",
            Self::ApiKey => "api_key",
            Self::Username => "username",
            Self::Password => "password",
        }
    }
}

/// The variables that may hold a key, the first one first. A service that names none of its own has the convention
/// `<SERVICE>_<KEY>`.
pub(crate) fn variables_for(definition: &ServiceDef, key: Setting) -> Vec<String> {
    if definition.environment.is_empty() {
        return vec![conventional(definition, key)];
    }
    let named = definition.environment.iter().find(|(word, _)| word == key.word());
    named.map(|(_, variables)| variables.clone()).unwrap_or_default()
}

/// The variable that a key is called by: the first that may hold it, else the conventional one.
pub(crate) fn variable_for(definition: &ServiceDef, key: Setting) -> String {
    variables_for(definition, key).into_iter().next().unwrap_or_else(|| conventional(definition, key))
}

/// The variable of one security scheme's own secret, `<SERVICE>_<SCHEME>`; `None` where that is the name of another
/// setting's variable, or of the file of one.
pub(crate) fn variable_of_scheme(definition: &ServiceDef, scheme: &str) -> Option<String> {
    let variable = format!("{}_{}", prefix(&definition.name), prefix(scheme));
    let stem = variable.strip_suffix("_FILE").unwrap_or(&variable);
    let mut settings = Setting::ALL.iter().flat_map(|key| variables_for(definition, *key));
    let is_taken = settings.any(|known| known == variable || known == stem);
    (!is_taken).then_some(variable)
}

fn conventional(definition: &ServiceDef, key: Setting) -> String {
    format!("{}_{}", prefix(&definition.name), key.word().to_ascii_uppercase())
}

fn prefix(service: &str) -> String {
    service
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' })
        .collect()
}

impl Profile {
    /// Reads a profile from environment variables: those that the document names (`x-environment`), else
    /// `<SERVICE>_BASE_URL`, `_SERVER`, `_SERVER_VARIABLES` (`name=value`, with commas between), `_REGION`, `_TOKEN_URL`, `_CLIENT_ID`, `_CLIENT_SECRET`, `_MEMBER`, `_ACCESS_TOKEN`,
    /// `_API_KEY`, `_USERNAME`, `_PASSWORD`. The secret of one security scheme alone is `<SERVICE>_<SCHEME>`, as in
    /// `PETS_APP_ID` for the scheme `app-id` ([`Credentials::scheme`] tells what it holds). Each may also be given as
    /// `NAME_FILE`, the path of a file that holds the value; line ends after it are cut. An empty variable counts as
    /// unset. `lookup` is `|name| std::env::var(name).ok()`, or anything else that knows variables.
    ///
    /// # Errors
    /// [`crate::Error::Config`] where a file named by a variable cannot be read, or server variables are not
    /// written so.
    pub fn from_env(definition: &ServiceDef, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut sources = Vec::new();
        let mut read =
            |key| first_found(&variables_for(definition, key), fault_of(key), lookup, &mut sources);
        let mut credentials = Credentials::new();
        let half = |is_first: bool, first, second| {
            let (set, unset) = if is_first { (first, second) } else { (second, first) };
            Some(format!(
                "{} is set, {} is not",
                variable_for(definition, set),
                variable_for(definition, unset)
            ))
        };
        match (read(Setting::ClientId)?, read(Setting::ClientSecret)?) {
            (Some(id), Some(secret)) => credentials = credentials.client(id, secret),
            (None, None) => {}
            (id, _) => credentials.half = half(id.is_some(), Setting::ClientId, Setting::ClientSecret),
        }
        match (read(Setting::Username)?, read(Setting::Password)?) {
            (Some(username), Some(password)) => credentials = credentials.basic(username, password),
            (None, None) => {}
            (name, _) => credentials.half = half(name.is_some(), Setting::Username, Setting::Password),
        }
        credentials.member = read(Setting::Member)?;
        credentials.access_token = read(Setting::AccessToken)?.map(Into::into);
        credentials.api_key = read(Setting::ApiKey)?.map(Into::into);
        let base_url = read(Setting::BaseUrl)?;
        let server = read(Setting::Server)?;
        let variables = read(Setting::ServerVariables)?
            .map_or(Ok(Vec::new()), |text| server_variables(definition, &text))?;
        let region = read(Setting::Region)?;
        let token_url = read(Setting::TokenUrl)?;
        for scheme in &definition.security_schemes {
            let Some(variable) = variable_of_scheme(definition, &scheme.name) else { continue };
            if let Some(secret) = first_found(&[variable], line_end, lookup, &mut sources)? {
                credentials = credentials.scheme(&scheme.name, secret);
            }
        }
        let wish = Wish { server, variables };
        Ok(Self { name: None, base_url, wish, region, token_url, credentials, certificate: None, sources })
    }
}

/// Reads `name=value` pairs with commas between.
fn server_variables(definition: &ServiceDef, text: &str) -> Result<Vec<ServerVariable>> {
    let mut wish = Wish::default();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            let variable = variable_for(definition, Setting::ServerVariables);
            let problem =
                format!("{variable} holds \"{}\", which is no name=value", pair.trim().escape_debug());
            let hint = Some(format!("write {variable} as name=value,name=value."));
            return Err(ConfigError { problem, hint }.into());
        };
        wish.set(name.trim().to_owned(), value.trim().to_owned(), false);
    }
    Ok(wish.variables)
}

/// What is wrong with a text that is to be the value of a setting.
type Fault = fn(&str) -> Option<&'static str>;

/// A secret that goes as it is, to where a blank around it could only be a slip. A password may have any.
fn fault_of(key: Setting) -> Fault {
    match key {
        Setting::ClientId | Setting::ClientSecret | Setting::AccessToken | Setting::ApiKey => {
            |value| line_end(value).or((value.trim() != value).then_some("begins or ends with a blank"))
        }
        Setting::Username | Setting::Password => line_end,
        _ => |_| None,
    }
}

fn line_end(value: &str) -> Option<&'static str> {
    value.contains(['\r', '\n', '\0']).then_some("holds a line end")
}

/// The value that comes first; where it was read is added to the sources.
fn first_found(
    variables: &[String],
    fault: Fault,
    lookup: &dyn Fn(&str) -> Option<String>,
    sources: &mut Vec<String>,
) -> Result<Option<String>> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let sound = |variable: &str, value: &str| match fault(value) {
        None => Ok(()),
        Some(fault) => Err(ConfigError {
            problem: format!("what {variable} gives {fault}"),
            hint: Some(format!("give {variable} the value alone.")),
        }),
    };
    for variable in variables {
        if let Some(value) = set(variable) {
            sound(variable, &value)?;
            sources.push(format!("env:{variable}"));
            return Ok(Some(value));
        }
        let file_variable = format!("{variable}_FILE");
        if let Some(path) = set(&file_variable) {
            let value = read_file(&file_variable, &path)?;
            sound(&file_variable, &value)?;
            sources.extend([format!("env:{file_variable}"), format!("file:{path}")]);
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn read_file(variable: &str, path: &str) -> Result<String> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError {
        problem: format!("{variable} names the file \"{path}\", which cannot be read: {error}"),
        hint: Some(format!("correct {variable}, or give the value itself.")),
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::operation::{SchemeKind, SecuritySchemeDef};

    fn petstore() -> ServiceDef {
        ServiceDef { name: "pet-store".to_owned(), ..ServiceDef::default() }
    }

    fn keyed() -> ServiceDef {
        let variables =
            |key: &str, names: &[&str]| (key.to_owned(), names.iter().map(|&one| one.to_owned()).collect());
        ServiceDef {
            name: "keyed".to_owned(),
            environment: vec![
                variables("api_key", &["KEYED_TOKEN", "OLD_TOKEN"]),
                variables("region", &["KEYED_AT"]),
            ],
            ..ServiceDef::default()
        }
    }

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_service_without_variables_has_the_convention() {
        let lookup = env(&[
            ("PET_STORE_BASE_URL", "https://pets.example"),
            ("PET_STORE_CLIENT_ID", "id"),
            ("PET_STORE_CLIENT_SECRET", "secret"),
            ("PET_STORE_MEMBER", "m"),
            ("PET_STORE_USERNAME", "u"),
            ("PET_STORE_PASSWORD", "p"),
        ]);
        let profile = Profile::from_env(&petstore(), &lookup).unwrap();
        assert_eq!(profile.base_url.as_deref(), Some("https://pets.example"));
        let (id, secret) = profile.credentials.client.unwrap();
        assert_eq!((id.as_str(), secret.expose_secret()), ("id", "secret"));
        assert_eq!(profile.credentials.basic.unwrap().0, "u");
        assert_eq!(profile.credentials.member.as_deref(), Some("m"));
    }

    #[test]
    fn a_scheme_has_a_variable_of_its_own_unless_another_setting_has_that_name() {
        let scheme = |name: &str| SecuritySchemeDef {
            name: name.to_owned(),
            kind: SchemeKind::Http { scheme: "bearer".to_owned() },
        };
        let names = ["app-id", "ApiKeyAuth", "api_key", "password", "api.key.file", "Base URL"];
        let definition =
            ServiceDef { security_schemes: names.into_iter().map(scheme).collect(), ..petstore() };
        let found = names.map(|name| variable_of_scheme(&definition, name));
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(found, [own("PET_STORE_APP_ID"), own("PET_STORE_APIKEYAUTH"), None, None, None, None]);
        let lookup = env(&[
            ("PET_STORE_APP_ID", "id"),
            ("PET_STORE_API_KEY", "key"),
            ("PET_STORE_PASSWORD", "word"),
            ("PET_STORE_TOKEN_URL", "https://id.example/token"),
        ]);
        let profile = Profile::from_env(&definition, &lookup).unwrap();
        let named: Vec<_> = profile.credentials.schemes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, ["app-id"]);
        assert_eq!(profile.credentials.api_key.unwrap().expose_secret(), "key");
        assert_eq!(profile.token_url.as_deref(), Some("https://id.example/token"));
    }

    #[test]
    fn the_first_variable_found_wins_and_an_empty_one_is_unset() {
        let lookup = env(&[("KEYED_TOKEN", ""), ("OLD_TOKEN", "old"), ("KEYED_API_KEY", "not asked for")]);
        let profile = Profile::from_env(&keyed(), &lookup).unwrap();
        assert_eq!(profile.credentials.api_key.unwrap().expose_secret(), "old");
        assert!(profile.base_url.is_none());
    }

    #[test]
    fn a_file_holds_the_value_without_its_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "from file\r\n").unwrap();
        let path = file.path().to_str().unwrap();
        let pairs = [("KEYED_TOKEN_FILE", path), ("OLD_TOKEN", "old")];
        let profile = Profile::from_env(&keyed(), &env(&pairs)).unwrap();
        assert_eq!(profile.credentials.api_key.unwrap().expose_secret(), "from file");
    }

    #[test]
    fn a_server_is_chosen_by_variables_too() {
        let pairs = [("PET_STORE_SERVER", "1"), ("PET_STORE_SERVER_VARIABLES", "tenant=acme, port=8443,")];
        let profile = Profile::from_env(&petstore(), &env(&pairs)).unwrap();
        assert_eq!(profile.wish.server.as_deref(), Some("1"));
        let variables: Vec<_> =
            profile.wish.variables.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(variables, [("tenant", "acme"), ("port", "8443")]);
        let pairs = [("PET_STORE_SERVER_VARIABLES", "tenant")];
        let error = Profile::from_env(&petstore(), &env(&pairs)).unwrap_err();
        assert_eq!(error.to_string(), "PET_STORE_SERVER_VARIABLES holds \"tenant\", which is no name=value");
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_variable() {
        let pairs = [("KEYED_AT_FILE", "/no/such/file")];
        let error = Profile::from_env(&keyed(), &env(&pairs)).unwrap_err();
        assert_eq!(error.kind(), "config");
        assert!(error.to_string().starts_with("KEYED_AT_FILE names the file \"/no/such/file\""), "{error}");
    }
}
