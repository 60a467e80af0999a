//! HTTP digest authentication (RFC 7616): a server's challenge, and the answers to it.
//!
//! The password never goes out; what does is a hash that holds for one nonce, method and URL. A challenge serves any
//! number of calls: each counts `nc` up, and only the first one has to be told it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use http::header::{HeaderMap, WWW_AUTHENTICATE};
use md5::{Digest as _, Md5};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Sha256, Sha512_256};
use zeroize::Zeroizing;

/// A challenge, and how often it was answered.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the challenge")]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// As the server writes it; absent means MD5 without a session.
    algorithm: Option<String>,
    hash: Hash,
    session: bool,
    /// Whether the answer is bound to `nc` and `cnonce` (`qop=auth`); only servers of RFC 2069 do without.
    counts: bool,
    userhash: bool,
    /// Whether the server says that the credentials were good and only the nonce is over.
    pub(crate) stale: bool,
    cnonce: String,
    answered: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

impl Hash {
    fn of(self, text: &str) -> String {
        let hash = match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha512_256 => Sha512_256::digest(text).to_vec(),
        };
        hex(&hash)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Challenge {
    /// The first challenge of an answer that can be met (RFC 7616 §3.7); `None` where there is no digest challenge.
    ///
    /// # Errors
    /// What none of the digest challenges does without.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, String> {
        let mut unmet = None;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            for (scheme, parameters) in challenges(&String::from_utf8_lossy(value.as_bytes())) {
                if !scheme.eq_ignore_ascii_case("digest") {
                    continue;
                }
                match Self::of(&parameters) {
                    Ok(challenge) => return Ok(Some(challenge)),
                    Err(problem) => unmet = unmet.or(Some(problem)),
                }
            }
        }
        unmet.map_or(Ok(None), Err)
    }

    fn of(parameters: &[(String, String)]) -> Result<Self, String> {
        let text = |name: &str| {
            parameters
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        let is_true = |name: &str| text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let algorithm = text("algorithm");
        let (hash, session) = hash_of(algorithm.as_deref().unwrap_or("MD5"))?;
        let qop = text("qop");
        let offers = |qop: &String| qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth"));
        if let Some(qop) = qop.as_ref().filter(|qop| !offers(qop)) {
            return Err(format!("the quality of protection \"{}\"", qop.escape_debug()));
        }
        Ok(Self {
            realm: text("realm").unwrap_or_default(),
            nonce: text("nonce").ok_or("a challenge without a nonce")?,
            opaque: text("opaque"),
            algorithm,
            hash,
            session,
            counts: qop.is_some(),
            userhash: is_true("userhash"),
            stale: is_true("stale"),
            cnonce: random()?,
            answered: AtomicU32::new(0),
        })
    }

    /// The answer for one request: what follows `Digest ` in `Authorization`. `uri` is the request target.
    pub(crate) fn answer(&self, method: &str, uri: &str, username: &str, password: &SecretString) -> String {
        let count = format!("{:08x}", self.answered.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        let first = Zeroizing::new(format!("{username}:{}:{}", self.realm, password.expose_secret()));
        let mut first = Zeroizing::new(self.hash.of(&first));
        if self.session {
            first = Zeroizing::new(self.hash.of(&format!("{}:{}:{}", *first, self.nonce, self.cnonce)));
        }
        let second = self.hash.of(&format!("{method}:{uri}"));
        let bound = if self.counts { format!("{count}:{}:auth:", self.cnonce) } else { String::new() };
        let response = self.hash.of(&format!("{}:{}:{bound}{second}", *first, self.nonce));
        self.written(&self.user(username), uri, &count, &response)
    }

    /// The user's name as it is shown: hashed, quoted, or encoded where a quoted text cannot hold it (§3.4.4).
    fn user(&self, username: &str) -> String {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
        if self.userhash {
            format!("username=\"{}\"", self.hash.of(&format!("{username}:{}", self.realm)))
        } else if username.bytes().all(is_plain) {
            format!("username={}", quoted(username))
        } else {
            let encoded = percent_encoding::utf8_percent_encode(username, percent_encoding::NON_ALPHANUMERIC);
            format!("username*=UTF-8''{encoded}")
        }
    }

    fn written(&self, user: &str, uri: &str, count: &str, response: &str) -> String {
        let mut text = format!(
            "{user}, realm={}, uri={}, nonce={}",
            quoted(&self.realm),
            quoted(uri),
            quoted(&self.nonce)
        );
        if let Some(algorithm) = &self.algorithm {
            text.extend([", algorithm=", algorithm]);
        }
        if self.counts {
            text.extend([", nc=", count, ", cnonce=\"", &self.cnonce, "\", qop=auth"]);
        }
        text.extend([", response=\"", response, "\""]);
        if let Some(opaque) = &self.opaque {
            text.extend([", opaque=", &quoted(opaque)]);
        }
        if self.userhash {
            text.push_str(", userhash=true");
        }
        text
    }
}

fn hash_of(algorithm: &str) -> Result<(Hash, bool), String> {
    let lower = algorithm.to_ascii_lowercase();
    let (name, session) = match lower.strip_suffix("-sess") {
        Some(name) => (name, true),
        None => (lower.as_str(), false),
    };
    let hash = match name {
        "md5" => Hash::Md5,
        "sha-256" => Hash::Sha256,
        "sha-512-256" => Hash::Sha512_256,
        _ => return Err(format!("the algorithm \"{}\"", algorithm.escape_debug())),
    };
    Ok((hash, session))
}

fn random() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| "random numbers, which this machine has none of")?;
    Ok(hex(&bytes))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The challenges of one header line: schemes with their parameters (RFC 9110 §11.6.1). What fits no rule of it is
/// passed over.
fn challenges(line: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = split_token(rest);
        if word.is_empty() {
            let Some(next) = rest.find(',') else { return found };
            rest = &rest[next..];
            continue;
        }
        let after_space = after.trim_start_matches([' ', '\t']);
        if let (Some(value), Some((_, parameters))) = (after_space.strip_prefix('='), found.last_mut()) {
            let (value, after) = split_value(value.trim_start_matches([' ', '\t']));
            parameters.push((word.to_owned(), value));
            rest = after.find(',').map_or("", |next| &after[next..]);
        } else {
            found.push((word.to_owned(), Vec::new()));
            rest = after;
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let is_token = |one: char| one.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(one);
    text.split_at(text.find(|one| !is_token(one)).unwrap_or(text.len()))
}

fn split_value(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let (value, rest) = split_token(text);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (place, letter) in inner.char_indices() {
        match letter {
            _ if escaped => {
                value.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &inner[place + 1..]),
            _ => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn read(lines: &[&str]) -> Result<Option<Challenge>, String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, line.parse().unwrap());
        }
        Challenge::read(&headers)
    }

    fn known(line: &str, cnonce: &str) -> Challenge {
        Challenge { cnonce: cnonce.to_owned(), ..read(&[line]).unwrap().unwrap() }
    }

    fn response(answer: &str) -> &str {
        answer.split("response=\"").nth(1).unwrap().split('"').next().unwrap()
    }

    const RFC_CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_standards_examples_are_answered_as_there() {
        for (algorithm, expected) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let line = format!(
                r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},
                nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
            )
            .replace('\n', " ");
            let challenge = known(&line, RFC_CNONCE);
            let answer = challenge.answer("GET", "/dir/index.html", "Mufasa", &"Circle of Life".into());
            assert_eq!(response(&answer), expected);
            assert_eq!(
                answer,
                format!(
                    "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", algorithm={algorithm}, nc=00000001, \
                     cnonce=\"{RFC_CNONCE}\", qop=auth, response=\"{expected}\", \
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
                )
            );
            let again = challenge.answer("GET", "/dir/index.html", "Mufasa", &"Circle of Life".into());
            assert!(again.contains("nc=00000002") && response(&again) != expected);
        }
    }

    /// RFC 7616 §3.9.2 with the user's hash of its erratum 4897; its response is computed by another implementation, as
    /// the one printed there does not follow from its own data.
    #[test]
    fn a_user_may_stay_unnamed() {
        let line = r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
            charset=UTF-8, userhash=true"#
            .replace('\n', " ");
        let challenge = known(&line, "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm");
        let answer = challenge.answer("GET", "/doe.json", "J\u{e4}s\u{f8}n Doe", &"Secret, or not?".into());
        assert!(answer.ends_with(", userhash=true"), "{answer}");
        assert!(
            answer
                .starts_with("username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\"")
        );
        assert_eq!(response(&answer), "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c");
    }

    /// RFC 2069 §2.4 with its erratum: no `qop`, so neither count nor `cnonce`.
    #[test]
    fn an_old_server_is_answered_without_a_count() {
        let line = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
            opaque="5ccc069c403ebaf9f0171e9517f40e41""#
            .replace('\n', " ");
        let challenge = known(&line, "unused");
        let answer = challenge.answer("GET", "/dir/index.html", "Mufasa", &"CircleOfLife".into());
        assert_eq!(response(&answer), "1949323746fe6a43ef61f9606e7febea");
        assert!(!answer.contains("nc=") && !answer.contains("algorithm"), "{answer}");
    }

    #[test]
    fn a_session_binds_the_hash_to_both_nonces() {
        let line = r#"Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess"#;
        let answer = known(line, "c").answer("GET", "/", "u", &"p".into());
        let md5 = |text: &str| Hash::Md5.of(text);
        let first = md5(&format!("{}:n:c", md5("u:r:p")));
        assert_eq!(response(&answer), md5(&format!("{first}:n:00000001:c:auth:{}", md5("GET:/"))));
        assert!(answer.contains("algorithm=MD5-sess"));
    }

    #[test]
    fn names_and_quotes_are_written_as_they_can_be() {
        let line = r#"Digest realm="a \"b\" \\c", nonce="n", qop=auth, stale=TRUE"#;
        let challenge = known(line, "c");
        assert!(challenge.stale);
        assert_eq!(challenge.realm, "a \"b\" \\c");
        let answer = challenge.answer("GET", "/", "x\"y", &"p".into());
        assert!(answer.starts_with(r#"username="x\"y", realm="a \"b\" \\c", uri="/""#), "{answer}");
        let answer = challenge.answer("GET", "/", "J\u{e4}s", &"p".into());
        assert!(answer.starts_with("username*=UTF-8''J%C3%A4s, "), "{answer}");
    }

    #[test]
    fn the_first_challenge_that_can_be_met_is_taken() {
        let sha = r#"Digest realm="r", nonce="1", qop="auth", algorithm=SHA-256"#;
        let md5 = r#"Digest realm="r", nonce="2", qop="auth", algorithm=MD5"#;
        let strange = r#"Digest realm="r", nonce="3", qop="auth", algorithm=SHA-1"#;
        let nonce = |lines: &[&str]| read(lines).unwrap().unwrap().nonce;
        assert_eq!(nonce(&[sha, md5]), "1");
        assert_eq!(nonce(&[md5, sha]), "2");
        assert_eq!(nonce(&[strange, "Basic realm=\"x, Digest nonce=9\"", md5]), "2");
        assert_eq!(nonce(&[&format!("Basic realm=\"r\", {strange}, {sha}, Bearer")]), "1");
        assert_eq!(nonce(&[&format!("Negotiate YIIab==, {sha}")]), "1");
        assert_eq!(nonce(&["DIGEST nonce = \"4\" , Realm=r"]), "4");
        assert_eq!(read(&[strange]).unwrap_err(), "the algorithm \"SHA-1\"");
        assert_eq!(
            read(&[r#"Digest nonce="n", qop="auth-int""#]).unwrap_err(),
            "the quality of protection \"auth-int\""
        );
        assert_eq!(read(&["Digest realm=\"r\""]).unwrap_err(), "a challenge without a nonce");
        for line in
            ["", "Basic realm=\"r\"", "Bearer", ",,=,\"", "Negotiate", "\u{7f}x".trim_start_matches('\u{7f}')]
        {
            assert!(read(&[line]).unwrap().is_none(), "{line:?}");
        }
    }

    #[test]
    fn every_challenge_has_a_nonce_of_ours_of_its_own() {
        let line = r#"Digest realm="r", nonce="n", qop=auth"#;
        let one = || read(&[line]).unwrap().unwrap().cnonce;
        assert_eq!(one().len(), 32);
        assert_ne!(one(), one());
    }

    #[test]
    fn quoted_texts_may_be_empty_and_may_end_in_what_separates() {
        let line = r#"Digest realm="", opaque="a,", nonce="n\"", qop="auth""#;
        let answer = known(line, "c").answer("GET", "/", "u", &"p".into());
        for part in [r#"realm="","#, r#"opaque="a,""#, r#"nonce="n\"""#, "qop=auth"] {
            assert!(answer.contains(part), "{part}: {answer}");
        }
    }
}
